// The page of a 404: it names the address that the server does not have.

import { onLanguage, t } from "/i18n.js";

onLanguage(() => {
  document.getElementById("missing").textContent = t("missing.text", { path: location.pathname });
});
