// No tool: the page asks by itself and says so by `waver('consent', ...)`.
let last = false;
const say = (measure, personalize) => { last = measure; return window.waver('consent', { measure, personalize }); };
window.cmp = {
  ready: Promise.resolve(),
  grant: (measure = true, personalize = true) => say(measure, personalize),
  withdraw: () => say(false, false),
  granted: () => last,
};
document.getElementById('tool').hidden = false;
