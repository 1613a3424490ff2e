// Hands the one-time code to the tab that opened this window. The code opens nothing by itself: only
// the page that asked for it has the other half.
"use strict";
(async () => {
  const code = document.getElementById("code").dataset.code;
  await window.microsoftTeams.app.initialize();
  window.microsoftTeams.authentication.notifySuccess(code);
})();
