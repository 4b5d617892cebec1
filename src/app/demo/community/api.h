// app/demo/community/api.h: the community over HTTP, JSON at /community/api/...
//
//     GET  session                   {"user":{...}|null,"users":[...]}; a login that grows old is
//                                    renewed
//     POST login {"email"}, logout   sets, deletes the cookie
//     GET  articles, articles/256
//     GET  articles/256/comments?after=17
//     POST articles/256/comments {"text"}         pushes GotNew on ArticleMessage256
//     GET  friends                                needs a login, as the next line does
//     POST friends/ask, friends/accept, friends/part {"email"}
//                                                 push GotNew on SystemMessage<email> of both
//
// Answers of 400 and above are {"error":"..."}.
//
// Owner: Community, which outlives the server. Thread: any worker's.
#pragma once

#include "app/demo/community/pace.h"
#include "app/demo/community/request.h"
#include "app/demo/community/store.h"

#include <starling/auth.h>
#include <starling/events.h>
#include <starling/http.h>
#include <starling/server.h>

#include <functional>
#include <mutex>
#include <optional>
#include <string>

namespace starling::app::community {

inline constexpr int64_t login_lifetime_s = 12 * 3600;

// How a login is recognised and made. The members equal those of auth::Options of the same names.
struct Login {
    std::function<std::optional<auth::Identity>(const http::Request&, int64_t now_s)> identify;
    std::string cookie, user_claim, issuer, audience, key_id, secret;
};

struct Clock {
    std::function<int64_t()> unix_s;     // Time of tokens and comments.
    std::function<int64_t()> steady_ms;  // Time of the write limit.
};

class Api {
public:
    Api(Store& store, events::Channels& channels, Login login, Clock clock);

    void mount(Server& server);

    // The handlers.
    void session(const http::Request& request, http::Response& response);
    void login(const http::Request& request, http::Response& response);
    void logout(const http::Request& request, http::Response& response);
    void articles(const http::Request& request, http::Response& response);
    void article(const http::Request& request, http::Response& response);
    void comments(const http::Request& request, http::Response& response);
    void add_comment(const http::Request& request, http::Response& response);
    void friends(const http::Request& request, http::Response& response);
    void befriend(const http::Request& request, http::Response& response);

private:
    struct Member {
        User user;
        std::optional<int64_t> expires_at_s;
    };
    // The logged-in user; not_found without a login, and for a user that the data file does not
    // hold.
    [[nodiscard]] Answer<Member> member(const http::Request& request);
    // The user of a write: the request comes from one of our pages, with a login, within the write
    // limit. Returns nothing after it has answered with an error.
    [[nodiscard]] std::optional<User> writer(const http::Request& request,
                                             http::Response& response);
    void set_cookie(const http::Request& request, http::Response& response, std::string_view user);
    void answer_circle(const User& user, http::Response& response);
    void notify(std::string_view email);

    Store& store_;
    events::Channels& channels_;
    Login login_;
    Clock clock_;
    std::mutex pace_mutex_;
    Pace pace_;
};

}  // namespace starling::app::community
