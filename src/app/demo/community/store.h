// app/demo/community/store.h: what the demo community remembers: users, articles, comments, friends, and
// the secret that signs logins.
//
// Owner: Community. Thread: any; each call takes the store's mutex. The calls run on the worker that
// asks: each touches a few indexed rows of a cached file, which costs less than a hand-over to
// another thread would. Nothing throws but std::bad_alloc.
#pragma once

#include "app/demo/community/database.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::app::community {

inline constexpr int64_t comments_max = 1000;  // Of an article; the oldest make room.
inline constexpr int64_t comments_page_max = 100;
inline constexpr size_t secret_bytes_min = 32;  // RFC 7518 section 3.2.

enum class Status : uint8_t {
    ok,
    not_found,  // No such article, user or request.
    conflict,   // Friends already, or asked already.
    failed,     // The file: full, locked for too long, gone.
};

struct User {
    std::string email, name;
};

// In the two languages of the pages.
struct Words {
    std::string en, zh;
};

struct Article {
    int64_t id = 0;
    Words title, body;
    int64_t comments = 0;
};

struct Comment {
    int64_t id = 0;  // Grows with time, never used again.
    User author;
    std::string text;
    int64_t at_s = 0;  // Unix time.
};

struct CommentPage {
    std::vector<Comment> comments;  // The oldest first.
    bool more = false;              // There are newer ones behind the last.
};

// Everyone but the user himself, each in one list.
struct Circle {
    std::vector<User> friends, incoming, outgoing, others;
};

template <class T>
struct Answer {
    Status status = Status::failed;
    T value = {};
};

class Store {
public:
    // Null: `error` says why. A file of another program or of a newer version is refused untouched.
    [[nodiscard]] static std::unique_ptr<Store> open(const std::string& path, std::string& error);

    // Random bytes, made with the file, so that logins outlive a restart.
    [[nodiscard]] const std::string& secret() const noexcept { return secret_; }

    [[nodiscard]] Answer<std::vector<User>> users();
    [[nodiscard]] Answer<User> user(std::string_view email);
    [[nodiscard]] Answer<std::vector<Article>> articles();
    [[nodiscard]] Answer<Article> article(int64_t id);
    // Those behind the comment `after`; the newest page for 0.
    [[nodiscard]] Answer<CommentPage> comments(int64_t article, int64_t after);
    [[nodiscard]] Answer<Comment> add_comment(int64_t article, const User& author,
                                              std::string_view text, int64_t now_s);

    [[nodiscard]] Answer<Circle> circle(std::string_view email);
    // Asking somebody who has asked oneself is accepting: then `accepted` is true.
    struct Asked {
        bool accepted = false;
    };
    [[nodiscard]] Answer<Asked> ask(std::string_view from, std::string_view to, int64_t now_s);
    [[nodiscard]] Status accept(std::string_view who, std::string_view asker, int64_t now_s);
    // Ends a friendship or takes back, or declines, a request between the two.
    [[nodiscard]] Status part(std::string_view who, std::string_view other);

private:
    Store() = default;
    [[nodiscard]] Status article_status(int64_t id);
    [[nodiscard]] Status user_status(std::string_view email);

    std::mutex mutex_;
    Database database_;
    std::string secret_;
};

}  // namespace starling::app::community
