// Sets theme and language from what the user chose last, before anything is painted. Kept in step with
// src/lib/settings.svelte.ts; a file of its own because the page's CSP allows no inline script.
(function () {
  var root = document.documentElement;
  var stored = {};
  try {
    stored = JSON.parse(localStorage.getItem('dure.settings') || '{}') || {};
  } catch (error) {
    // Storage is switched off or holds something else: the system's choices apply.
  }
  if (stored.theme === 'light' || stored.theme === 'dark') root.dataset.theme = stored.theme;
  if (/^(small|large|huge)$/.test(stored.fontSize)) root.dataset.size = stored.fontSize;
  var wanted = [stored.language].concat(navigator.languages || navigator.language || []);
  var known = wanted.filter(function (tag) {
    return /^(ko|en)(-|$)/i.test(tag || '');
  });
  root.lang = /^ko/i.test(known[0] || '') ? 'ko' : 'en';
})();
