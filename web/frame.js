// What all pages share around their content, as custom elements. This script is no module and stands
// in the head, so that the frame is there as soon as the page is drawn. The words are those of
// /words/en.js; /i18n.js replaces them.
//
//   <site-head></site-head>   skip link, menu, languages; with the attribute `bare`, no menu
//   <how-made page="/echo/echo.js" server="src/app/kinds.cpp"></how-made>
//                             where the code is: the script of the page, the file of the repository
//   <site-foot></site-foot>   the line at the end

"use strict";

(() => {
  const isHome = /^\/(index\.html)?$/.test(location.pathname);
  const brand = `<a class="brand" href="/"${isHome ? ' aria-current="page"' : ""}><img src="/favicon.svg" alt="" width="32" height="32"><span>starling</span></a>`;
  const languages = `<div class="languages" role="group" aria-label="Language" data-i18n-attributes="aria-label=language.label">
    <button type="button" data-language="zh" lang="zh-CN" aria-pressed="false">中文</button>
    <button type="button" data-language="en" lang="en" aria-pressed="false">EN</button>
  </div>`;
  // `only`: shown on its own pages alone, because the server may be without it.
  const entries = [
    { href: "/", key: "nav.home", text: "Home", pages: /^\/(index\.html)?$/ },
    { href: "/echo", key: "nav.echo", text: "Echo", pages: /^\/echo/ },
    { href: "/chat", key: "nav.chat", text: "Chat", pages: /^\/chat/ },
    { href: "/socketio/", text: "Socket.IO", pages: /^\/socketio/ },
    { href: "/community/", key: "nav.community", text: "Community", pages: /^\/community/ },
    { href: "/ws/ServerEvent?Ref=ApiIndex", key: "nav.events", text: "Events", pages: /^\/ws\//i },
    { href: "/gateway", key: "nav.gateway", text: "Gateway", pages: /^\/gateway/, only: true },
  ];

  function link({ href, key, text, pages, only }) {
    const current = pages.test(location.pathname);
    if (only && !current) return "";
    return `<a href="${href}"${current ? ' aria-current="page"' : ""}${key ? ` data-i18n="${key}"` : ""}>${text}</a>`;
  }

  function define(name, html) {
    customElements.define(name, class extends HTMLElement {
      connectedCallback() { if (!this.firstChild) this.innerHTML = html(this); }
    });
  }

  define("site-head", (element) => `<a class="skip" href="#main" data-i18n="skip">Skip to the content</a>
    <header class="bar">${brand}${element.hasAttribute("bare") ? "" : `
      <nav aria-label="Pages" data-i18n-attributes="aria-label=nav.label">${entries.map(link).join("")}</nav>`}
      ${languages}</header>`);
  define("how-made", (element) => {
    const page = element.getAttribute("page");
    const server = element.getAttribute("server");
    return `<span data-i18n="how.code">Code:</span> <a href="${page}">${page.split("/").pop()}</a>, <code>${server}</code>`;
  });
  define("site-foot", () => `<footer class="bar"><span data-i18n="footer">Served by starling, a real-time server and C++20 library.</span></footer>`);
})();
