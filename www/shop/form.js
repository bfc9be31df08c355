// The browser's own validation, with its messages written under the fields instead of in passing bubbles.

function message(field) {
  if (field.validity.valid) return '';
  if (field.validity.valueMissing) return 'Please fill this in';
  return field.dataset.hint ?? field.validationMessage;
}

function mark(field) {
  const error = document.getElementById(`${field.id}-error`);
  if (!error) return;
  error.textContent = message(field);
  field.setAttribute('aria-invalid', !field.validity.valid);
}

// Whether all fields are right. If not, says at each what is wrong and goes to the first.
export function checkForm(form) {
  const fields = [...form.elements].filter((field) => field.willValidate && field.id);
  fields.forEach((field) => {
    mark(field);
    field.oninput = () => mark(field);
  });
  fields.find((field) => !field.validity.valid)?.focus();
  return form.checkValidity();
}
