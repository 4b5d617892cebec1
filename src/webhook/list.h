// webhook/list.h: GET /tapr/ws/conn/list: lists the connections by user, in pieces, so that a list
// of 100,000 does not delay other work.
//
//     {"code":0,"message":"success","data":[{"name",
//      "conns":[{"id","token","userAgent","userAgentTag"}],"conns_number",
//      "public_conns":[...],"public_conns_number"}],"cursor":"..."}
//
// Connections are in the order of ListKey. If a page ends within a user's connections, the next
// page begins with the same user. The numbers count the entries of the page.
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

// The order in the list: by name, then connections with a token before public ones, then by id.
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

// The parameters of a request. Owner: the request.
class ListQuery {
public:
    // Sets a parameter of the query, decoded: user (may be repeated), limit (connections, 1 to
    // 1,000,000), cursor. A failure is the text of the answer: "limit: ...".
    [[nodiscard]] base::Result<void> set(std::string_view name, std::string_view value);
    // Call it after the last set().
    void seal() { users_.seal(); }

    [[nodiscard]] size_t limit() const noexcept { return limit_; }  // SIZE_MAX if none was given.
    // Empty: all users.
    [[nodiscard]] const NameSet& users() const noexcept { return users_; }
    // The key of the entry before the page, as a view into this object; nothing: the page begins
    // with the first entry.
    [[nodiscard]] std::optional<ListKey> after() const noexcept;
    // True if the connection belongs to one of users() and is behind the cursor.
    [[nodiscard]] bool wants(const ListKey& key) const noexcept;

private:
    NameSet users_;
    size_t limit_ = SIZE_MAX;
    // Decoded, "" if none was given: "0" or "1" for is_public, the id, a blank, the name.
    std::string cursor_;
};

// An opaque text for ListQuery::set().
[[nodiscard]] std::string list_cursor(const ListKey& last);

// Appends the answer to `out`. Between two calls the caller may take and clear `out`.
class ListWriter {
public:
    // `show_tokens` false: each token is shown as "".
    ListWriter(std::string& out, bool show_tokens);

    // Add entries in ascending order of their keys. `entry` is not kept.
    void add(const ListEntry& entry);
    // `cursor` is set if more entries follow on the next page. `missing_nodes` above 0: the entries
    // of that many nodes are missing, and the answer says so in "missing_nodes".
    void finish(std::optional<std::string_view> cursor = std::nullopt, size_t missing_nodes = 0);

private:
    void begin_user(std::string_view name);
    void begin_public();
    void end_user();

    std::string& out_;
    bool show_tokens_;
    bool in_user_ = false;
    bool in_public_ = false;
    std::string user_;
    size_t count_ = 0;  // The number of items in the open array.
};

}  // namespace starling::webhook
