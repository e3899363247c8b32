/** agent.toml as `agent enrol` writes it: every option, with what it is for. */
import type { Token } from '../shared/core/token.ts';

export const agentToml = (
  { office, hub }: Token,
  { keyFile, data }: { readonly keyFile: string; readonly data: string },
): string => `# Written by 'agent enrol'. After a change: restart 'agent run'. 'agent check' says what is wrong.

office = ${quoted(office)}
hub = ${quoted(hub)}
# The token from the hub; mode 600, for nobody else to see.
key_file = ${quoted(keyFile)}
# out/ (what waits for the hub), users/NAME/ (Maildirs), and what the agent remembers.
data = ${quoted(data)}
# How often 'agent run' calls the hub; "off": only when asked ('agent sync', SIGUSR1, the page).
interval = "30 min"
# A link on which no byte comes for this long is taken for cut.
idle = "3 min"

# What is on a stick ('agent export') is not also sent over a link for this long.
stick_wait = "7 days"

# Whoever writes a mail here that waits for a better link is told so, once, with its price on each link.
notes = true

[listen]
# Where mail programs send and fetch. Ports below 1024 need CAP_NET_BIND_SERVICE, which the systemd unit grants.
smtp = "127.0.0.1:587"
pop3 = "127.0.0.1:110"
# For a qmail on this machine:
# qmtp = "127.0.0.1:209"
# The page: what waits, what it costs, "sync now", held mail, USB sticks. Its password: 'agent page password'.
page = "127.0.0.1:8025"
# For the whole house: listen on "0.0.0.0:587" and "0.0.0.0:110", and give people passwords ('agent user add'), or trust:
# lan = "192.168.7.0/24"

# A Maildir that another mail server fills, and what its Delivered-To lines carry before the recipient:
# [[queue]]
# path = "/var/qmail/qrelay/MAILDIR"
# prefix = "qrelay-"

# Links with a price; the first that matches is used. match: interface, gateway, ssid, or command = ["PROGRAM", "ARGUMENT"].
# [[link]]
# name = "iridium"
# match = { interface = "ppp0" }
# price_per_minute = 1.44
# price_per_mb = 100
# max_mail = "20 KB"
# price_step = "20 s"
# price_minimum = 0.48
# bytes_minimum = "5 KB"
# currency = "USD"
# budget = ["300 KB/day", "5 MB/month"]
# money = "50/month"
# hours = ["22:00-06:00"]
# connect = ["pon", "iridium"]      # dialled for a sync; disconnect = ["poff", "iridium"] hangs up
# While this link is up, let nothing but the sync out through it (nftables):
# firewall = true
# Mail comes as plain text; originals stay at the hub, and can be asked for:
# plain = true
# On HF radio, where the line carries one direction at a time:
# half_duplex = true
# Where only the web passes, through a proxy it may be (CARRIERS.md):
# [[link]]
# name = "hotel"
# match = { ssid = "hotel" }
# via = "web"
# proxy = "http://10.0.0.1:3128"
# A link can be a program that carries files (CARRIERS.md):
# [[link]]
# name = "nncp"
# match = { command = ["true"] }
# command = ["nncp-file", "{file}", "hub:"]
# inbox = "/var/spool/fieldpost/herat"
# stick_wait = "2 days"

[limits]
# Largest mail at any door here; what the hub allows holds as well.
mail = "100 MB"
# At once, for each listener.
connections = 50
# At once from one address.
per_address = 25
# Of one mail.
recipients = 1000
# A mail program that says nothing for this long is sent away.
idle = "5 min"
`;

/** JSON's strings are TOML's. */
const quoted = (text: string): string => JSON.stringify(text);
