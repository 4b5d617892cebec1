// The community page: who is logged in, the article that the address names, and their channels.

import { onLanguage, t } from "/i18n.js";
import * as api from "/community/api.js";
import { Channel } from "/community/channel.js";
import { $, commentItem, retellTimes, showArticle, showArticles, showCircle, showLogins, showState,
  showUser } from "/community/view.js";

const comments_max = 500; // On the page; older ones leave it.
const token_expired_code = 4401;

let user = null;
let users = [];
let circle = { friends: [], incoming: [], outgoing: [], others: [] };
let articles = [];
let article = null;
let articleChannel = null;
let systemChannel = null;
let fault = ""; // The key of what is shown on top.
let formFault = "";

function tell(key, text = "") {
  fault = key;
  $("fault").textContent = key ? t(key, { text }) : "";
}

function tellForm(key) {
  formFault = key;
  $("formError").textContent = key ? t(key) : "";
}

// Runs what talks to the server; what it refuses is told, and a login that is over is noticed.
async function attempt(work) {
  try {
    await work();
    tell("");
  } catch (error) {
    if (error instanceof api.Refused && error.status === 401) return enter(null);
    if (error instanceof api.Refused) tell("community.refused", error.message);
    else tell("community.offline");
  }
}

/* The article and its comments ---------------------------------------------------------------- */

const lastComment = () => Number($("comments").lastElementChild?.dataset.id ?? 0);

function append(comments, fresh) {
  const list = $("comments");
  const last = lastComment();
  list.append(...comments.filter(({ id }) => id > last).map((one) => commentItem(one, fresh)));
  while (list.childElementCount > comments_max) list.firstElementChild.remove();
  $("noComments").hidden = list.childElementCount > 0;
}

function count(id, added) {
  articles.find((one) => one.id === id).comments += added;
  showArticles(articles, id);
}

async function fetchComments(id) {
  for (let fresh = $("comments").dataset.loaded === "true", more = true; more;) {
    const page = await api.comments(id, lastComment());
    if (article?.id !== id) return;
    append(page.comments, fresh);
    if (fresh && page.comments.length > 0) count(id, page.comments.length);
    more = page.more;
  }
  $("comments").dataset.loaded = "true";
}

async function open(id) {
  articleChannel?.leave();
  articleChannel = null;
  article = await api.article(id);
  showArticle(article);
  showArticles(articles, id);
  $("comments").replaceChildren();
  $("comments").dataset.loaded = "false";
  articleChannel = new Channel(`ArticleMessage${id}`, () => attempt(() => fetchComments(id)),
    (state) => showState("articleState", state));
}

function openFromAddress() {
  const asked = Number(location.hash.slice(1));
  const known = articles.find(({ id }) => id === asked) ?? articles[0];
  if (known && known.id !== article?.id) attempt(() => open(known.id));
}

async function post(event) {
  event.preventDefault();
  const text = $("text").value.trim();
  if (text === "") {
    tellForm("community.empty");
    return $("text").focus();
  }
  $("post").disabled = true;
  try {
    await api.comment(article.id, text);
    tellForm("");
    if ($("text").value.trim() === text) $("text").value = ""; // Else the next one is being written.
    articleChannel.look(); // Whether or not the notice comes back.
  } catch (error) {
    if (error.status === 401) await enter(null);
    else tellForm(error.status === 429 ? "community.tooFast" : "community.notSent");
  } finally {
    $("post").disabled = false;
  }
}

/* Who one is, and friends --------------------------------------------------------------------- */

function drawCircle() {
  showCircle(circle, (action, email) => attempt(async () => {
    circle = await api.befriend(action, email);
    drawCircle();
  }));
}

async function fetchCircle() {
  const fetched = await api.friends();
  if (user === null) return;
  circle = fetched;
  drawCircle();
}

// A token that ended takes its connection along; the session says whether there is a newer one.
function systemState(state, code) {
  showState("systemState", state);
  if (code === token_expired_code) attempt(loadSession);
}

async function enter(next) {
  if (next?.email !== user?.email) {
    systemChannel?.leave();
    systemChannel = null;
  }
  user = next;
  showUser(user);
  if (user && !systemChannel) {
    systemChannel = new Channel(`SystemMessage${user.email}`, () => attempt(fetchCircle),
      systemState);
  }
}

async function loadSession() {
  const session = await api.session();
  users = session.users;
  showLogins(users, (email) => attempt(async () => enter((await api.login(email)).user)));
  await enter(session.user);
}

/* Start --------------------------------------------------------------------------------------- */

$("composer").addEventListener("submit", post);
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) post(event);
});
$("text").addEventListener("input", () => { if (formFault) tellForm(""); });
$("logout").addEventListener("click", () => attempt(async () => {
  await api.logout();
  await enter(null);
}));
addEventListener("hashchange", openFromAddress);

onLanguage(() => {
  if (article) showArticle(article);
  showArticles(articles, article?.id);
  retellTimes();
  drawCircle();
  if (articleChannel) showState("articleState", articleChannel.state);
  if (systemChannel) showState("systemState", systemChannel.state);
  if (fault) tell(fault);
  if (formFault) tellForm(formFault);
});

attempt(async () => {
  await loadSession();
  ({ articles } = await api.articles());
  openFromAddress();
});
