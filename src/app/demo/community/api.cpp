#include "app/demo/community/api.h"

#include "app/demo/community/token.h"

#include <boost/json.hpp>

#include <utility>

namespace starling::app::community {
namespace {

namespace json = boost::json;

constexpr std::string_view got_new = "GotNew";

json::object to_json(const User& user) { return {{"email", user.email}, {"name", user.name}}; }
json::object to_json(const Words& words) { return {{"en", words.en}, {"zh", words.zh}}; }
json::object to_json(const Comment& comment) {
    return {{"id", comment.id},
            {"author", to_json(comment.author)},
            {"text", comment.text},
            {"at_s", comment.at_s}};
}

template <class T>
json::array to_json(const std::vector<T>& list) {
    json::array array;
    for (const T& one : list) array.push_back(to_json(one));
    return array;
}

void answer(http::Response& response, const json::value& value, int status = 200) {
    // An answer depends on the logged-in user, so caches must not store it.
    response.status(status).header("Cache-Control", "no-store").json(value);
}

void refuse(http::Response& response, const Fault& fault) {
    // RFC 9110 section 15.5.2: a 401 names a scheme.
    if (fault.status == 401) response.header("WWW-Authenticate", "Bearer");
    answer(response, json::object{{"error", fault.text}}, fault.status);
}

// Returns true and answers with an error if `status` is a fault.
bool refused(http::Response& response, Status status) {
    if (status == Status::ok) return false;
    if (status == Status::failed) response.header("Retry-After", "1");
    refuse(response, status == Status::not_found  ? Fault{404, "there is no such thing"}
                     : status == Status::conflict ? Fault{409, "it is so already"}
                                                  : Fault{503, "the data cannot be reached now"});
    return true;
}

}  // namespace

Api::Api(Store& store, events::Channels& channels, Login login, Clock clock)
    : store_(store), channels_(channels), login_(std::move(login)), clock_(std::move(clock)) {}

void Api::mount(Server& server) {
    using Call = void (Api::*)(const http::Request&, http::Response&);
    auto route = [&](std::string_view method, std::string_view path, Call call) {
        server.route(method, "/community/api/" + std::string(path),
                     [this, call](const http::Request& request, http::Response& response) {
                         (this->*call)(request, response);
                     });
    };
    route("GET", "session", &Api::session);
    route("POST", "login", &Api::login);
    route("POST", "logout", &Api::logout);
    route("GET", "articles", &Api::articles);
    route("GET", "articles/:id", &Api::article);
    route("GET", "articles/:id/comments", &Api::comments);
    route("POST", "articles/:id/comments", &Api::add_comment);
    route("GET", "friends", &Api::friends);
    route("POST", "friends/:action", &Api::befriend);
}

Answer<Api::Member> Api::member(const http::Request& request) {
    std::optional<auth::Identity> identity = login_.identify(request, clock_.unix_s());
    if (!identity) return {Status::not_found};
    Answer<User> user = store_.user(identity->user);
    return {user.status, {std::move(user.value), identity->expires_at_s}};
}

std::optional<User> Api::writer(const http::Request& request, http::Response& response) {
    if (!same_origin(request)) {
        refuse(response, {403, "requests of other sites are refused"});
        return std::nullopt;
    }
    Answer<Member> who = member(request);
    if (who.status == Status::not_found) {
        refuse(response, {401, "log in first"});
        return std::nullopt;
    }
    if (refused(response, who.status)) return std::nullopt;
    int64_t wait_ms = 0;
    {
        const std::lock_guard lock(pace_mutex_);
        wait_ms = pace_.wait_ms(who.value.user.email, clock_.steady_ms());
    }
    if (wait_ms == 0) return std::move(who.value.user);
    response.header("Retry-After", std::to_string((wait_ms + 999) / 1000));
    refuse(response, {429, "too fast"});
    return std::nullopt;
}

void Api::set_cookie(const http::Request& request, http::Response& response,
                     std::string_view user) {
    const std::string token = sign_token({.user_claim = login_.user_claim,
                                          .user = user,
                                          .issuer = login_.issuer,
                                          .audience = login_.audience,
                                          .issued_at_s = clock_.unix_s(),
                                          .lifetime_s = login_lifetime_s},
                                         login_.key_id, login_.secret);
    response.cookie(login_.cookie, token,
                    {.max_age_s = login_lifetime_s,
                     .http_only = true,
                     .same_site = http::SameSite::lax,
                     .secure = request.secure()});
}

void Api::session(const http::Request& request, http::Response& response) {
    const Answer<std::vector<User>> users = store_.users();
    if (refused(response, users.status)) return;
    const Answer<Member> who = member(request);
    if (who.status != Status::not_found && refused(response, who.status)) return;
    json::object body{{"user", nullptr}, {"users", to_json(users.value)}};
    if (who.status == Status::ok) {
        const Member& found = who.value;
        body["user"] = to_json(found.user);
        const bool old =
            found.expires_at_s && *found.expires_at_s < clock_.unix_s() + login_lifetime_s / 2;
        // Renews the login only if it came by cookie: a token in the query must not become a
        // cookie.
        if (old && request.cookie(login_.cookie)) set_cookie(request, response, found.user.email);
    }
    answer(response, body);
}

void Api::login(const http::Request& request, http::Response& response) {
    if (!same_origin(request))
        return refuse(response, {403, "requests of other sites are refused"});
    std::string email;
    if (const Fault fault = read_text(request, "email", email); fault.status != 0)
        return refuse(response, fault);
    const Answer<User> user = store_.user(email.substr(0, email_bytes_max + 1));
    if (refused(response, user.status)) return;
    set_cookie(request, response, user.value.email);
    answer(response, json::object{{"user", to_json(user.value)}});
}

// NOLINTNEXTLINE(readability-make-member-function-const): mount() takes members of one type.
void Api::logout(const http::Request& request, http::Response& response) {
    if (!same_origin(request))
        return refuse(response, {403, "requests of other sites are refused"});
    response.cookie(login_.cookie, "",
                    {.max_age_s = 0,
                     .http_only = true,
                     .same_site = http::SameSite::lax,
                     .secure = request.secure()});
    answer(response, json::object{{"user", nullptr}});
}

void Api::articles(const http::Request&, http::Response& response) {
    const Answer<std::vector<Article>> all = store_.articles();
    if (refused(response, all.status)) return;
    json::array list;
    for (const Article& one : all.value) {
        list.push_back(json::object{
            {"id", one.id}, {"title", to_json(one.title)}, {"comments", one.comments}});
    }
    answer(response, json::object{{"articles", std::move(list)}});
}

void Api::article(const http::Request& request, http::Response& response) {
    std::optional<int64_t> id = read_number(request.param("id"));
    if (!id) return static_cast<void>(refused(response, Status::not_found));
    Answer<Article> one = store_.article(*id);
    if (refused(response, one.status)) return;
    answer(response, json::object{{"id", one.value.id},
                                  {"title", to_json(one.value.title)},
                                  {"body", to_json(one.value.body)},
                                  {"comments", one.value.comments}});
}

void Api::comments(const http::Request& request, http::Response& response) {
    std::optional<int64_t> id = read_number(request.param("id"));
    if (!id) return static_cast<void>(refused(response, Status::not_found));
    std::optional<int64_t> after = read_number(request.query("after").value_or("0"));
    if (!after) return refuse(response, {400, "'after' must be the number of a comment"});
    Answer<CommentPage> page = store_.comments(*id, *after);
    if (refused(response, page.status)) return;
    answer(response,
           json::object{{"comments", to_json(page.value.comments)}, {"more", page.value.more}});
}

void Api::add_comment(const http::Request& request, http::Response& response) {
    std::optional<User> who = writer(request, response);
    if (!who) return;
    std::optional<int64_t> id = read_number(request.param("id"));
    if (!id) return static_cast<void>(refused(response, Status::not_found));
    std::string text;
    Fault fault = read_text(request, "text", text);
    if (fault.status == 0) fault = clean_comment(text);
    if (fault.status != 0) return refuse(response, fault);
    const Answer<Comment> added = store_.add_comment(*id, *who, text, clock_.unix_s());
    if (refused(response, added.status)) return;
    // The comment is committed before the push: a client that fetches at once finds the comment.
    channels_.publish("ArticleMessage" + std::to_string(*id), got_new);
    answer(response, to_json(added.value), 201);
}

void Api::answer_circle(const User& user, http::Response& response) {
    const Answer<Circle> circle = store_.circle(user.email);
    if (refused(response, circle.status)) return;
    answer(response, json::object{{"friends", to_json(circle.value.friends)},
                                  {"incoming", to_json(circle.value.incoming)},
                                  {"outgoing", to_json(circle.value.outgoing)},
                                  {"others", to_json(circle.value.others)}});
}

void Api::friends(const http::Request& request, http::Response& response) {
    const Answer<Member> who = member(request);
    if (who.status == Status::not_found) return refuse(response, {401, "log in first"});
    if (!refused(response, who.status)) answer_circle(who.value.user, response);
}

void Api::notify(std::string_view email) {
    channels_.publish("SystemMessage" + std::string(email), got_new);
}

void Api::befriend(const http::Request& request, http::Response& response) {
    std::optional<User> who = writer(request, response);
    if (!who) return;
    std::string other;
    if (const Fault fault = read_text(request, "email", other); fault.status != 0)
        return refuse(response, fault);
    const std::string_view action = request.param("action");
    Status status = Status::not_found;
    if (action == "ask")
        status = store_.ask(who->email, other, clock_.unix_s()).status;
    else if (action == "accept")
        status = store_.accept(who->email, other, clock_.unix_s());
    else if (action == "part")
        status = store_.part(who->email, other);
    if (refused(response, status)) return;
    notify(other);
    notify(who->email);  // For the user's other windows.
    answer_circle(*who, response);
}

}  // namespace starling::app::community
