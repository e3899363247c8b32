/**
 * `node tools/shipped-dictionary.ts` writes shared/core/shipped-dictionary.ts: what the first mail between a hub and an office is
 * compressed against. It holds small mails of test/corpus/mime-torture whose licence is Apache-2.0 or MIT, and the header
 * lines below, written for it. None of it is mail that the figures in the README are measured on.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { lift } from '../shared/core/lift.ts';
import { ROOT } from './project.ts';

const BYTES_MAX = 64_000;
const MAIL_BYTES_MAX = 6_000;

/** Most telling last: what stands near the end is cheapest to point at. */
const LINES = `Delivered-To: postmaster@
Return-Path: <
Received: by 10.0.0.1 with SMTP id ; Mon, 01 Jan 2024 00:00:00 -0800 (PST)
X-Received: by 2002:a05:6a00: with SMTP id ; Tue, 02 Feb 2025 00:00:00 -0800 (PST)
ARC-Seal: i=1; a=rsa-sha256; t=17; cv=none; d=google.com; s=arc-20240605; b=
ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=google.com; s=arc-20240605;
        h=list-unsubscribe:list-archive:list-id:precedence:mime-version:content-transfer-encoding:content-type:references:in-reply-to:message-id:date:subject:to:from:dkim-signature; bh=
ARC-Authentication-Results: i=1; mx.google.com;
       dkim=pass header.i=@ header.s=default header.b=;
       spf=pass (google.com: domain of  designates  as permitted sender) smtp.mailfrom=;
       dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=
Received-SPF: pass (google.com: domain of  designates  as permitted sender) client-ip=;
Authentication-Results: mx.google.com; dkim=pass header.i=@; spf=pass smtp.mailfrom=; dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=; s=selector1; t=17; x=17;
 h=Date:From:To:Cc:Subject:Message-ID:In-Reply-To:References:MIME-Version:Content-Type:Content-Transfer-Encoding:List-Id:List-Help:List-Unsubscribe:List-Subscribe:List-Post:List-Owner:List-Archive:Reply-To:Sender:From;
 bh=
 b=
Received: from localhost (localhost [127.0.0.1])
	by mail. (Postfix) with ESMTP id  for <>; Wed,  3 Mar 2021 00:00:00 +0000 (UTC)
Received: from mail- ([]) (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256) (No client certificate requested) by  (Postfix) with ESMTPS id
Received: from  (EHLO ) by  with ESMTPS (version=TLS1_2 cipher=ECDHE-RSA-AES128-GCM-SHA256 bits=128/128); Thu, 04 Apr 2019 00:00:00 -0700 (PDT)
Received: (qmail 12345 invoked by uid 500); 5 May 2018 00:00:00 -0000
X-Spam-Status: No, score=-2.6 required=5.0 tests=BAYES_00,DKIM_SIGNED,DKIM_VALID,DKIM_VALID_AU,HTML_MESSAGE,RCVD_IN_DNSWL_NONE,SPF_HELO_NONE,SPF_PASS autolearn=ham autolearn_force=no version=3.4.6
X-Spam-Checker-Version: SpamAssassin 3.4.6 (2021-04-09) on 
X-Spam-Level: 
X-Virus-Scanned: amavisd-new at 
X-MS-Has-Attach: yes
X-MS-TNEF-Correlator: 
X-Originating-IP: []
X-Mailer: Microsoft Outlook 16.0
User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:102.0) Gecko/20100101 Thunderbird/102.0
X-Priority: 3 (Normal)
Importance: Normal
Thread-Topic: 
Thread-Index: 
Accept-Language: en-US
Content-Language: en-US
Auto-Submitted: auto-generated
List-Unsubscribe: <mailto:unsubscribe@>, <https://>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
List-Help: <mailto:help@>
List-Post: <mailto:@>
List-Archive: <https://lists./archives/list/>
List-Subscribe: <mailto:subscribe@>
List-Id: <lists.>
Mailing-List: contact ; run by ezmlm
Precedence: list
Precedence: bulk
Errors-To: 
Reply-To: 
Sender: 
This is the mail system at host 
I'm sorry to have to inform you that your message could not be delivered to one or more recipients. It's attached below.
Reporting-MTA: dns; 
Final-Recipient: rfc822; 
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 user unknown
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" xmlns:w="urn:schemas-microsoft-com:office:word"><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"><meta name="viewport" content="width=device-width, initial-scale=1.0"><title></title><style type="text/css">
<p class="MsoNormal"><span style="font-family:&quot;Calibri&quot;,sans-serif;font-size:11.0pt;color:#1F497D"><o:p>&nbsp;</o:p></span></p>
<table width="100%" border="0" cellpadding="0" cellspacing="0" align="center" bgcolor="#ffffff" style="border-collapse:collapse"><tbody><tr><td align="left" valign="top" style="padding:0px;margin:0px;font-family:Arial,Helvetica,sans-serif;font-size:14px;line-height:20px;color:#333333;text-decoration:none;"><a href="https://www." target="_blank"><img src="https://www." alt="" width="1" height="1" border="0" style="display:block"></a></td></tr></tbody></table></body></html>
<div dir="ltr"><br></div><blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex"></blockquote><div class="gmail_extra"><br><div class="gmail_quote">On Mon, Jan 1, 2024 at 10:00 AM  wrote:<br></div></div>
This is a multi-part message in MIME format.
--_000_
Content-Type: multipart/mixed; boundary="=_"
Content-Type: multipart/alternative; boundary="----=_NextPart_000_0000_01"
Content-Type: multipart/related; type="multipart/alternative"; boundary="
Content-Type: application/octet-stream; name=""
Content-Type: application/pdf; name=".pdf"
Content-Type: application/vnd.openxmlformats-officedocument.wordprocessingml.document; name=".docx"
Content-Type: application/msword; name=".doc"
Content-Type: image/jpeg; name=".jpg"
Content-Type: image/png; name="image001.png"
Content-ID: <image001.png@01>
Content-Disposition: inline
Content-Disposition: attachment; filename=""; size=; creation-date=""; modification-date=""
Content-Description: 
Content-Transfer-Encoding: base64
Content-Transfer-Encoding: 8bit
Content-Transfer-Encoding: 7bit
Content-Transfer-Encoding: quoted-printable
Content-Type: text/html; charset="utf-8"
Content-Type: text/html; charset=UTF-8
Content-Type: text/plain; charset="iso-8859-1"
Content-Type: text/plain; charset="us-ascii"
Content-Type: text/plain; charset=UTF-8; format=flowed
Content-Type: text/plain; charset="utf-8"

Dear colleagues,

Please find attached the report for the month of January. Thank you very much for your message, and for your help with the meeting.
Could you please let me know if you have any questions? We would like to know whether this is possible before the end of the week.
I will be out of the office until Monday. Looking forward to hearing from you.

Best regards,
Kind regards,
Thanks,
-- 
Sent from my iPhone

-----Original Message-----
From: 
Sent: Monday, January 1, 2024 10:00 AM
To: 
Cc: 
Subject: RE: FW: 
On Tue, 2 Feb 2025 at 10:00,  <@> wrote:
> 
________________________________________
This email and any attachments are confidential and intended solely for the use of the individual or entity to whom they are addressed. If you have received this email in error please notify the sender and delete it.
To unsubscribe, e-mail: -unsubscribe@
For additional commands, e-mail: -help@
_______________________________________________
 mailing list
https://lists./mailman/listinfo/

Received: from  ([]) by  with ESMTP id ; Mon, 6 Jan 2020 00:00:00 +0000
Received: from unknown (HELO ) by  with SMTP; 7 Feb 2020 00:00:00 -0000
Received: by  with QMTP; 
Date: Sun, 08 Mar 2020 00:00:00 +0000
Date: Sat, 9 Apr 2022 00:00:00 +0430
From: "" <@gmail.com>
To: <@example.org>
Cc: <@yahoo.com>, <@hotmail.com>
Subject: Re: =?utf-8?B?
Subject: =?UTF-8?Q?
Message-ID: <.JavaMail.@>
Message-Id: <@mail.gmail.com>
In-Reply-To: <
References: <
MIME-Version: 1.0
Mime-Version: 1.0
`;

function licensed(): readonly string[] {
  const rows = readFileSync(join(ROOT, 'test/corpus/MANIFEST.tsv'), 'utf8').trim().split('\n').slice(1);
  return rows
    .map((row) => row.split('\t'))
    .filter(
      ([file, bytes, , licence]) =>
        /^mime-torture\//.test(file ?? '') &&
        Number(bytes) <= MAIL_BYTES_MAX &&
        /^(?:MIT(?:-0)?|Apache-2\.0)(?: OR MIT)?$/.test(licence ?? ''),
    )
    .map(([file]) => file ?? '')
    .sort();
}

const mails = licensed().map((file) => lift(readFileSync(join(ROOT, 'test/corpus', file))).text);
const dictionary = Buffer.concat([...mails, Buffer.from(LINES)]).subarray(-BYTES_MAX);
const packed = brotliCompressSync(dictionary, {
  params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: dictionary.length },
});
const lines = packed.toString('base64').match(/.{1,110}/g) ?? [];
writeFileSync(
  join(ROOT, 'shared/core/shipped-dictionary.ts'),
  `/** Made by tools/shipped-dictionary.ts: brotli, then base64. A new one is another point of the history; an old peer asks for the empty one. */
export const SHIPPED_DICTIONARY = \`
${lines.join('\n')}
\`;
`,
);
console.log(`${mails.length} mails, ${dictionary.length} bytes, ${packed.length} packed`);
