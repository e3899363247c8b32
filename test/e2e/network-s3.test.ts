import { describeNetwork } from '../support/describe-network.ts';

describeNetwork('s3');
