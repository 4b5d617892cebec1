#include "app/demo/community/store.h"

#include "app/demo/community/migrations.h"

#include <algorithm>
#include <utility>

namespace starling::app::community {
namespace {

constexpr std::string_view select_articles =
    "SELECT id, title_en, title_zh, body_en, body_zh,"
    " (SELECT count(*) FROM comments WHERE article = articles.id) FROM articles";
constexpr std::string_view select_comments =
    "SELECT comments.id, email, name, text, at_s FROM comments JOIN users ON email = author"
    " WHERE article = ?";
constexpr std::string_view of_pair =
    " WHERE (asker = ?1 AND asked = ?2) OR (asker = ?2 AND asked = ?1)";

Article read_article(const Statement& row) {
    return {row.integer(0), {row.text(1), row.text(2)}, {row.text(3), row.text(4)}, row.integer(5)};
}

Comment read_comment(const Statement& row) {
    return {row.integer(0), {row.text(1), row.text(2)}, row.text(3), row.integer(4)};
}

// The status of a look-up that gave no row: not found, or failed.
Status missing(const Statement& statement) noexcept {
    return statement.failed() ? Status::failed : Status::not_found;
}

Status whole(const Statement& statement) noexcept {
    return statement.failed() ? Status::failed : Status::ok;
}

}  // namespace

base::Result<std::unique_ptr<Store>> Store::open(const std::string& path) {
    std::unique_ptr<Store> store(new Store);
    if (const auto opened = store->database_.open(path); !opened)
        return base::Failure(opened.error());
    if (const auto migrated = migrate(store->database_); !migrated)
        return base::Failure(migrated.error());
    Statement secret = store->database_.prepare("SELECT value FROM secrets WHERE name = 'token'");
    if (secret.row()) store->secret_ = secret.text(0);
    if (store->secret_.size() >= secret_bytes_min) return store;
    return base::Failure("holds no secret");
}

Answer<std::vector<User>> Store::users() {
    const std::lock_guard lock(mutex_);
    Answer<std::vector<User>> answer;
    Statement row = database_.prepare("SELECT email, name FROM users ORDER BY email");
    while (row.row()) answer.value.push_back({row.text(0), row.text(1)});
    answer.status = whole(row);
    return answer;
}

Answer<User> Store::user(std::string_view email) {
    const std::lock_guard lock(mutex_);
    Statement row = database_.prepare("SELECT email, name FROM users WHERE email = ?");
    if (!row.bind(email).row()) return {missing(row)};
    return {Status::ok, {row.text(0), row.text(1)}};
}

Answer<std::vector<Article>> Store::articles() {
    const std::lock_guard lock(mutex_);
    Answer<std::vector<Article>> answer;
    Statement row = database_.prepare(std::string(select_articles) + " ORDER BY id");
    while (row.row()) answer.value.push_back(read_article(row));
    answer.status = whole(row);
    return answer;
}

Answer<Article> Store::article(int64_t id) {
    const std::lock_guard lock(mutex_);
    Statement row = database_.prepare(std::string(select_articles) + " WHERE id = ?");
    if (!row.bind(id).row()) return {missing(row)};
    return {Status::ok, read_article(row)};
}

Status Store::article_status(int64_t id) {
    Statement row = database_.prepare("SELECT 1 FROM articles WHERE id = ?");
    return row.bind(id).row() ? Status::ok : missing(row);
}

Status Store::user_status(std::string_view email) {
    Statement row = database_.prepare("SELECT 1 FROM users WHERE email = ?");
    return row.bind(email).row() ? Status::ok : missing(row);
}

Answer<CommentPage> Store::comments(int64_t article, int64_t after) {
    const std::lock_guard lock(mutex_);
    Answer<CommentPage> answer{article_status(article)};
    if (answer.status != Status::ok) return answer;
    const bool newest = after <= 0;
    const std::string_view order = newest ? " AND comments.id > ? ORDER BY comments.id DESC LIMIT ?"
                                          : " AND comments.id > ? ORDER BY comments.id LIMIT ?";
    Statement row = database_.prepare(std::string(select_comments) + std::string(order));
    row.bind(article).bind(newest ? 0 : after).bind(comments_page_max + 1);
    std::vector<Comment>& comments = answer.value.comments;
    while (row.row()) comments.push_back(read_comment(row));
    const bool full = comments.size() > static_cast<size_t>(comments_page_max);
    if (full) comments.pop_back();
    if (newest) std::ranges::reverse(comments);
    answer.value.more = full && !newest;
    answer.status = whole(row);
    return answer;
}

Answer<Comment> Store::add_comment(int64_t article, const User& author, std::string_view text,
                                   int64_t now_s) {
    const std::lock_guard lock(mutex_);
    Transaction transaction(database_);
    if (!transaction.began()) return {};
    if (const Status status = article_status(article); status != Status::ok) return {status};
    if (const Status status = user_status(author.email); status != Status::ok) return {status};
    const bool added = database_
                           .prepare(
                               "INSERT INTO comments (article, author, text, at_s)"
                               " VALUES (?, ?, ?, ?)")
                           .bind(article)
                           .bind(author.email)
                           .bind(text)
                           .bind(now_s)
                           .run();
    if (!added) return {};
    int64_t id = database_.last_id();
    const bool trimmed = database_
                             .prepare(
                                 "DELETE FROM comments WHERE article = ?1 AND id <= (SELECT id FROM"
                                 " comments WHERE article = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)")
                             .bind(article)
                             .bind(comments_max)
                             .run();
    if (!trimmed || !transaction.commit()) return {};
    return {Status::ok, {id, author, std::string(text), now_s}};
}

Answer<Circle> Store::circle(std::string_view email) {
    const std::lock_guard lock(mutex_);
    Answer<Circle> answer;
    Statement row = database_.prepare(
        "SELECT email, name, accepted, asker = ?1 FROM users LEFT JOIN friendships"
        " ON (asker = ?1 AND asked = email) OR (asked = ?1 AND asker = email)"
        " WHERE email <> ?1 ORDER BY email");
    row.bind(email);
    while (row.row()) {
        // A LEFT JOIN without a matching pair gives NULL columns.
        const bool pair = !row.is_null(2), accepted = row.integer(2) != 0,
                   asker = row.integer(3) != 0;
        Circle& circle = answer.value;
        std::vector<User>& list = !pair      ? circle.others
                                  : accepted ? circle.friends
                                  : asker    ? circle.outgoing
                                             : circle.incoming;
        list.push_back({row.text(0), row.text(1)});
    }
    answer.status = whole(row);
    return answer;
}

Answer<Store::Asked> Store::ask(std::string_view from, std::string_view to, int64_t now_s) {
    const std::lock_guard lock(mutex_);
    Transaction transaction(database_);
    if (!transaction.began()) return {};
    if (from == to) return {Status::not_found};
    for (const std::string_view email : {from, to})
        if (const Status status = user_status(email); status != Status::ok) return {status};
    bool accepted = false;
    {
        Statement row = database_.prepare("SELECT asker = ?1, accepted FROM friendships" +
                                          std::string(of_pair));
        if (row.bind(from).bind(to).row()) {
            if (row.integer(0) || row.integer(1)) return {Status::conflict};
            accepted = true;
        } else if (row.failed()) {
            return {};
        }
    }
    Statement write = database_.prepare(
        "INSERT INTO friendships (asker, asked, accepted, at_s) VALUES (?1, ?2, 0, ?3)"
        " ON CONFLICT DO UPDATE SET accepted = 1, at_s = ?3");
    if (!write.bind(from).bind(to).bind(now_s).run() || !transaction.commit()) return {};
    return {Status::ok, {accepted}};
}

Status Store::accept(std::string_view who, std::string_view asker, int64_t now_s) {
    const std::lock_guard lock(mutex_);
    Statement write = database_.prepare(
        "UPDATE friendships SET accepted = 1, at_s = ?"
        " WHERE asker = ? AND asked = ? AND accepted = 0");
    if (!write.bind(now_s).bind(asker).bind(who).run()) return Status::failed;
    return database_.changes() > 0 ? Status::ok : Status::not_found;
}

Status Store::part(std::string_view who, std::string_view other) {
    const std::lock_guard lock(mutex_);
    Statement write = database_.prepare("DELETE FROM friendships" + std::string(of_pair));
    if (!write.bind(who).bind(other).run()) return Status::failed;
    return database_.changes() > 0 ? Status::ok : Status::not_found;
}

}  // namespace starling::app::community
