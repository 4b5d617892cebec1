// webhook/list.h: GET /tapr/ws/conn/list: the connections by user, in pieces, so that a list of 100,000 stalls nobody.
//
//     {"code":0,"message":"success","data":[{"name","conns":[{"id","token","userAgent","userAgentTag"}],
//      "conns_number","public_conns":[...],"public_conns_number"}],"cursor":"..."}
//
// Connections come in the order of ListKey. A page that ends within a user's connections is followed by one that
// begins with that user's name again; the numbers are those of the page.
//
// Pure; any thread.
#pragma once

#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "webhook/names.h"

namespace starling::webhook {

// Where a connection stands in the list: by name, then those with a token first, then by id.
struct ListKey {
    std::string_view user;
    bool is_public = false;
    std::string_view conn_id;

    friend std::strong_ordering operator<=>(const ListKey&, const ListKey&) = default;
};

struct ListEntry {
    ListKey key;
    std::string_view token;
    std::string_view user_agent;
};

// What a request asks for. Owner: the request.
class ListQuery {
public:
    // A parameter of the query, decoded: user (again for each), limit (connections, 1 to 1,000,000), cursor. A failure
    // is for the answer: "limit: ...".
    [[nodiscard]] base::Result<void> set(std::string_view name, std::string_view value);
    // Behind the last set().
    void seal() { users_.seal(); }

    [[nodiscard]] size_t limit() const noexcept { return limit_; }  // SIZE_MAX where none is given.
    // No users: all of them.
    [[nodiscard]] const NameSet& users() const noexcept { return users_; }
    // Is the connection among the users, and behind the cursor?
    [[nodiscard]] bool wants(const ListKey& key) const noexcept;

private:
    NameSet users_;
    size_t limit_ = SIZE_MAX;
    // What the cursor holds, "" without one: "0" or "1" for is_public, the id, a blank, the name.
    std::string cursor_;
};

// Opaque; for ListQuery::set().
[[nodiscard]] std::string list_cursor(const ListKey& last);

// Appends the answer to `out`, which the caller may take and empty between any two calls.
class ListWriter {
public:
    // `show_tokens`: else each token is "".
    ListWriter(std::string& out, bool show_tokens);

    // In ascending order of their keys. `entry` is not kept.
    void add(const ListEntry& entry);
    // `cursor`: where there is more.
    void finish(std::optional<std::string_view> cursor = std::nullopt);

private:
    void begin_user(std::string_view name);
    void begin_public();
    void end_user();

    std::string& out_;
    bool show_tokens_;
    bool in_user_ = false;
    bool in_public_ = false;
    std::string user_;
    size_t count_ = 0;  // Of the array that is open.
};

}  // namespace starling::webhook
