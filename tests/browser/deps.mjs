// The npm packages live under target/browser, not beside the tests: run.sh installs them there.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

const require = createRequire(`${process.env.BROWSER_DEPS ?? `${root}target/browser`}/node_modules/`);

export const { WebSocketServer, WebSocket } = require('ws');
export const load = () => ({ chromium: require('playwright-core').chromium, axe: require('axe-core').source });
