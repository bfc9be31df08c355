// OpenFeature's client and its provider for remote evaluation, as their documentation has them, for the page to use.
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';
import { OpenFeature } from '@openfeature/web-sdk';

window.openfeature = { OpenFeature, OFREPWebProvider };
