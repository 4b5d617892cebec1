#include "webhook/list.h"

#include <charconv>

#include "base/base64.h"
#include "base/digest.h"
#include "base/json_text.h"
#include "base/utf8.h"

namespace starling::webhook {
namespace {

constexpr size_t limit_max = 1'000'000;

ListKey key_of(std::string_view cursor) noexcept {
    const size_t blank = cursor.find(' ');
    return {cursor.substr(blank + 1), cursor[0] == '1', cursor.substr(1, blank - 1)};
}

}  // namespace

base::Result<void> ListQuery::set(std::string_view name, std::string_view value) {
    if (name == "user") {
        users_.add(value);
        return {};
    }
    if (name == "limit") {
        const char* const end = value.data() + value.size();
        const auto read = std::from_chars(value.data(), end, limit_);
        if (value.empty() || read.ec != std::errc() || read.ptr != end || limit_ == 0 ||
            limit_ > limit_max)
            return base::Failure("limit: 1 to 1000000 is wanted");
        return {};
    }
    if (name != "cursor")
        return base::Failure(std::string(base::utf8_cut(name, 64)) + ": is not known");
    auto text = base::base64url_decode(value);
    const size_t blank = text ? text->find(' ') : std::string::npos;
    if (blank == std::string::npos || blank == 0 || ((*text)[0] != '0' && (*text)[0] != '1'))
        return base::Failure("cursor: one of an earlier answer is wanted");
    cursor_ = std::move(*text);
    return {};
}

std::optional<ListKey> ListQuery::after() const noexcept {
    if (cursor_.empty()) return std::nullopt;
    return key_of(cursor_);
}

bool ListQuery::wants(const ListKey& key) const noexcept {
    if (!cursor_.empty() && key <= key_of(cursor_)) return false;
    return users_.empty() || users_.contains(key.user);
}

std::string list_cursor(const ListKey& last) {
    std::string text(1, last.is_public ? '1' : '0');
    text.append(last.conn_id).append(" ").append(last.user);
    std::string out;
    base::base64url_append(out, text);
    return out;
}

ListWriter::ListWriter(std::string& out, bool show_tokens) : out_(out), show_tokens_(show_tokens) {
    out_ += R"({"code":0,"message":"success","data":[)";
}

void ListWriter::begin_user(std::string_view name) {
    if (in_user_) out_ += ',';
    in_user_ = true;
    in_public_ = false;
    count_ = 0;
    user_ = name;
    out_ += "{\"name\":";
    base::append_json_string(out_, name);
    out_ += ",\"conns\":[";
}

void ListWriter::begin_public() {
    out_.append("],\"conns_number\":").append(std::to_string(count_));
    out_ += ",\"public_conns\":[";
    in_public_ = true;
    count_ = 0;
}

void ListWriter::end_user() {
    if (!in_public_) begin_public();
    out_.append("],\"public_conns_number\":").append(std::to_string(count_)).append("}");
}

void ListWriter::add(const ListEntry& entry) {
    if (!in_user_ || user_ != entry.key.user) {
        if (in_user_) end_user();
        begin_user(entry.key.user);
    }
    if (entry.key.is_public && !in_public_) begin_public();
    out_ += count_++ == 0 ? "{\"id\":" : ",{\"id\":";
    base::append_json_string(out_, entry.key.conn_id);
    out_ += ",\"token\":";
    base::append_json_string(out_, show_tokens_ ? entry.token : "");
    out_ += ",\"userAgent\":";
    base::append_json_string(out_, entry.user_agent);
    out_ += ",\"userAgentTag\":\"";
    if (!entry.user_agent.empty()) out_ += base::md5_hex(entry.user_agent);
    out_ += "\"}";
}

void ListWriter::finish(std::optional<std::string_view> cursor, size_t missing_nodes) {
    if (in_user_) end_user();
    out_ += ']';
    if (cursor) {
        out_ += ",\"cursor\":";
        base::append_json_string(out_, *cursor);
    }
    if (missing_nodes > 0) out_.append(",\"missing_nodes\":").append(std::to_string(missing_nodes));
    out_ += '}';
}

}  // namespace starling::webhook
