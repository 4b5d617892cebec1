// app/demo/community/store.h: the data of the demo community: users, articles, comments, friends,
// and the secret that signs logins.
//
// Owner: Community. Thread: any; each call takes the store's mutex. A call runs on the worker that
//        asks: it touches a few indexed rows of a cached file, which costs less than a hand-over to
//        another thread. Only std::bad_alloc is thrown.
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

// Comments on one article; beyond the limit the oldest ones are deleted.
inline constexpr int64_t comments_max = 1000;
inline constexpr int64_t comments_page_max = 100;
inline constexpr size_t secret_bytes_min = 32;  // RFC 7518 section 3.2.

enum class Status : uint8_t {
    ok,
    not_found,  // No such article, user or request.
    conflict,   // Already friends, or already asked.
    failed,     // The file is full, locked for too long, or gone.
};

struct User {
    std::string email, name;
};

// A text in the two languages of the pages.
struct Words {
    std::string en, zh;
};

struct Article {
    int64_t id = 0;
    Words title, body;
    int64_t comments = 0;
};

struct Comment {
    int64_t id = 0;  // Grows with time, is never reused.
    User author;
    std::string text;
    int64_t at_s = 0;  // Unix time.
};

struct CommentPage {
    std::vector<Comment> comments;  // Oldest first.
    bool more = false;              // Newer comments follow the last of these.
};

// All users but the user himself, each in one of the lists.
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
    // Never null. A file of another program or of a newer version is refused unchanged.
    [[nodiscard]] static base::Result<std::unique_ptr<Store>> open(const std::string& path);

    // Random bytes, created with the file, so that logins survive a restart.
    [[nodiscard]] const std::string& secret() const noexcept { return secret_; }

    [[nodiscard]] Answer<std::vector<User>> users();
    [[nodiscard]] Answer<User> user(std::string_view email);
    [[nodiscard]] Answer<std::vector<Article>> articles();
    [[nodiscard]] Answer<Article> article(int64_t id);
    // The comments that follow the comment `after`; 0: the newest page.
    [[nodiscard]] Answer<CommentPage> comments(int64_t article, int64_t after);
    [[nodiscard]] Answer<Comment> add_comment(int64_t article, const User& author,
                                              std::string_view text, int64_t now_s);

    [[nodiscard]] Answer<Circle> circle(std::string_view email);
    // `accepted` is true if the other user had already asked: then the two are friends now.
    struct Asked {
        bool accepted = false;
    };
    [[nodiscard]] Answer<Asked> ask(std::string_view from, std::string_view to, int64_t now_s);
    [[nodiscard]] Status accept(std::string_view who, std::string_view asker, int64_t now_s);
    // Ends a friendship, withdraws a request, or declines a request.
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
