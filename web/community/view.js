// What the page shows: built with textContent alone, a comment is never HTML.

import { language, locale, t } from "/i18n.js";

export const $ = (id) => document.getElementById(id);

function make(name, { className = "", text = "", ...rest } = {}, ...children) {
  const element = Object.assign(document.createElement(name), rest);
  if (className) element.className = className;
  if (text) element.textContent = text;
  element.append(...children);
  return element;
}

// The same person has the same colour on every screen.
function hue(text) {
  let hash = 0;
  for (const character of text) hash = (hash * 31 + character.codePointAt(0)) % 360;
  return hash;
}

export const inLanguage = (words) => words[language()] || words.en;

const time = (at_s) => new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "short" })
  .format(new Date(at_s * 1000));

export function showArticles(articles, current) {
  $("articles").replaceChildren(...articles.map(({ id, title, comments }) => {
    const link = make("a", { href: `#${id}` }, make("span", { text: inLanguage(title) }),
      make("span", { className: "count", text: String(comments),
        title: t("community.count", { count: comments }) }));
    if (id === current) link.setAttribute("aria-current", "true");
    return make("li", {}, link);
  }));
}

export function showArticle({ title, body }) {
  $("articleTitle").textContent = inLanguage(title);
  $("articleBody").replaceChildren(
    ...inLanguage(body).split("\n\n").map((text) => make("p", { text })));
}

export function commentItem({ id, author, text, at_s }, isNew) {
  const name = make("span", { className: "name", text: author.name });
  name.style.setProperty("--hue", String(hue(author.email)));
  const when = make("time", { text: time(at_s), dateTime: new Date(at_s * 1000).toISOString() });
  const item = make("li", { className: isNew ? "new" : "" },
    make("p", { className: "by" }, name, " · ", when),
    make("p", { className: "text", text, dir: "auto" }));
  item.dataset.id = id;
  item.dataset.atS = at_s;
  return item;
}

export function retellTimes() {
  for (const item of $("comments").children) {
    item.querySelector("time").textContent = time(Number(item.dataset.atS));
  }
}

export function showLogins(users, login) {
  $("logins").replaceChildren(...users.map(({ email, name }) => {
    const button = make("button", { type: "button", className: "primary", text: name,
      title: email, onclick: () => login(email) });
    button.dataset.email = email;
    return button;
  }));
}

export function showUser(user) {
  $("strangers").hidden = user !== null;
  $("loginFirst").hidden = user !== null;
  for (const id of ["loggedIn", "friendsCard", "composer"]) $(id).hidden = user === null;
  $("userName").textContent = user?.name ?? "";
  $("userEmail").textContent = user?.email ?? "";
}

// What can be done with somebody, by the list that he is in.
const choices = {
  incoming: [["accept", "community.accept", "primary"], ["part", "community.decline", ""]],
  outgoing: [["part", "community.takeBack", ""]],
  friends: [["part", "community.unfriend", ""]],
  others: [["ask", "community.ask", ""]],
};

export function showCircle(circle, act) {
  const items = Object.entries(choices).flatMap(([list, actions]) =>
    circle[list].map(({ email, name }) => {
      const buttons = actions.map(([action, key, className]) => {
        const button = make("button", { type: "button", className: `small ${className}`.trim(),
          text: t(key), onclick: () => act(action, email) });
        button.dataset.action = action;
        return button;
      });
      const item = make("li", { className: list },
        make("span", { className: "who", text: t(`community.is.${list}`, { name }) }),
        make("div", { className: "row" }, ...buttons));
      item.dataset.email = email;
      return item;
    }));
  $("people").replaceChildren(...items);
}

const badges = { connecting: "waiting", open: "open", closing: "waiting", waiting: "waiting",
  left: "closed" };

export function showState(id, state) {
  $(id).dataset.state = badges[state];
  $(id).textContent = t(`community.state.${state}`);
}
