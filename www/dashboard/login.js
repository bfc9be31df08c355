// The form works without this script; with it, a wrong token is said in place and nothing typed is lost.

const form = document.getElementById('sign-in');
const token = document.getElementById('token');
const failure = document.getElementById('failure');

const WRONG = 'That token is not right. Copy it again, without spaces around it.';

function fail(message) {
  failure.textContent = message;
  token.setAttribute('aria-invalid', 'true');
  token.select();
}

if (new URLSearchParams(location.search).has('failed')) fail(WRONG);

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  failure.textContent = '';
  try {
    const response = await fetch(form.action, { method: 'POST', body: new URLSearchParams({ token: token.value.trim() }) });
    const refused = response.status === 401 || new URL(response.url).searchParams.has('failed');
    if (refused) fail(WRONG);
    else if (response.status === 429) fail('Too many attempts. Wait a minute, then try again.');
    else if (!response.ok) fail(`The collector answered ${response.status}. Try again in a moment.`);
    else location.assign('/dashboard');
  } catch {
    fail('The collector does not answer. Is it running?');
  }
});
