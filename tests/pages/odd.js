// Controls that work, and some that do not.
const on = (id, kind, act) => document.getElementById(id).addEventListener(kind, act);
const say = (text) => { document.getElementById('answer').textContent = text; };
on('throws', 'click', () => { undefined.room(); });
on('works', 'click', () => say(`Remembered ${Date.now()}`));
// As with a request that takes its time.
on('slow', 'click', () => setTimeout(() => say(`In ${Math.ceil(Math.random() * 5)} days`), 450));
on('copy', 'click', ({ target }) => {
  navigator.clipboard?.writeText(location.href).catch(() => {});
  target.textContent = 'Copied';
  setTimeout(() => { target.textContent = 'Copy the link'; }, 900);
});
on('share', 'click', () => document.getElementById('guide').showModal());
document.querySelector('dialog button').addEventListener('click', () => document.getElementById('guide').close());
const pen = document.getElementById('viewer').getContext('2d');
on('viewer', 'pointerdown', ({ offsetX, offsetY }) => pen.fillRect(offsetX, offsetY, 20, 20));
// Errors that no click brings about.
if (location.search === '?failing') {
  setInterval(() => { throw new Error('the chat widget is not there'); }, 700);
}
