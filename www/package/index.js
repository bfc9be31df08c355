// Waver for shops with a bundler: the same module as behind the script tag, with typed methods.
import { activated, completed } from './options.js';
import load, { boot, command } from './waver.js';

let started;

/** Starts the module on this page; later calls give the same instance. */
export function init(options) {
  started ??= start(options);
  return started;
}

async function start({ wasm, ...options }) {
  const complete = completed(options);
  await load(wasm && { module_or_path: wasm });
  await activated();
  boot(complete);
  return new Waver();
}

export class Waver {
  consent(choices) {
    return command('consent', choices === undefined ? [] : [choices]);
  }

  page(page) {
    return command('page', [page]);
  }

  track(name, params = {}) {
    return command('track', [name, params]);
  }

  on(topic, callback) {
    return command('on', [topic, callback]);
  }

  off(topic, callback) {
    return command('off', [topic, callback]);
  }

  offer(slot, options = {}) {
    return command('offer', [slot, options]);
  }

  state() {
    return command('state', []);
  }

  forget() {
    return command('forget', []);
  }

  debug(on) {
    return command('debug', [on]);
  }
}
