#include "webhook/fields.h"

#include <charconv>

#include "base/json_text.h"
#include "base/text.h"
#include "base/utf8.h"

namespace starling::webhook {
namespace {

using base::JsonKind;
using base::JsonText;
using base::JsonWalk;

constexpr std::array<std::string_view, field_count> field_names = {
    "payload", "text",   "base64", "conn_id", "conns",     "users", "tokens", "users_access_type",
    "code",    "reason", "topic",  "except",  "user_name", "data",  "topics", "actions",
    "accept",  "event",  "ack_id"};

constexpr std::string_view lenient_names_wanted = "at most 100000 are wanted";

bool is_selector(Field field) noexcept {
    return (field >= Field::conn_id && field <= Field::users_access_type) || field == Field::except;
}

// Shortens a peer's key for the text of a problem.
std::string shown(std::string_view raw_key) {
    constexpr size_t bytes_max = 64;
    std::string key;
    base::append_json_decoded(key, raw_key);
    return std::string(base::utf8_cut(key, bytes_max));
}

}  // namespace

bool Fields::fail(std::string_view what, std::string_view problem) {
    problem_ = place_;
    problem_.append(what).append(": ").append(problem);
    return false;
}

bool Fields::fail(Field field, std::string_view problem) {
    return fail(field_names[index(field)], problem);
}

bool Fields::is_named(Field field, std::string_view raw_key) const {
    const std::string_view name = field_names[index(field)];
    if (!lenient()) return base::json_string_is(raw_key, name);
    if (raw_key.find('\\') == std::string_view::npos) return base::iequals(raw_key, name);
    std::string key;
    base::append_json_decoded(key, raw_key);
    return base::iequals(key, name);
}

bool Fields::read(const JsonText& value, std::initializer_list<Field> known) {
    if (value.kind != JsonKind::object) {
        problem_ = place_.empty() ? "the body" : place_.substr(0, place_.size() - 1);
        problem_ += ": an object is wanted";
        return false;
    }
    for (JsonWalk walk(value); walk.next();) {
        bool is_known = false;
        for (const Field field : known) {
            if (!is_named(field, walk.key())) continue;
            is_known = true;
            Found& found = found_[index(field)];
            if (found.has && !lenient()) return fail(field, "stands twice");
            const bool is_null = walk.value().kind == JsonKind::null;
            found = {walk.value(), !is_null || (!lenient() && !is_selector(field))};
        }
        if (!is_known && !lenient()) return fail(shown(walk.key()), "is not known");
    }
    return true;
}

bool Fields::add_name(Field field, const JsonText& value, NameSet& out) {
    const bool whole = base::append_json_decoded(out.buffer(), value.raw());
    out.add();
    if (lenient()) return out.size() <= names_lenient_max || fail(field, lenient_names_wanted);
    if (!whole) return fail(field, "half of a surrogate pair");
    const std::string_view name = out.last();
    if (name.find('\0') != std::string_view::npos)
        return fail(field, "a name without NUL is wanted");
    if (name.size() > name_bytes_max && field != Field::tokens)
        return fail(field, "names of at most 255 bytes are wanted");
    if (out.size() > names_max) return fail(field, "at most 10000 are wanted");
    return true;
}

bool Fields::names(Field field, NameSet& out) {
    return !has(field) || names_of(value(field), field, out);
}

bool Fields::names_of(const JsonText& list, Field field, NameSet& out) {
    constexpr std::string_view wanted = "an array of strings is wanted";
    if (list.kind != JsonKind::array) return fail(field, wanted);
    for (JsonWalk walk(list); walk.next();) {
        if (walk.value().kind == JsonKind::string) {
            if (!add_name(field, walk.value(), out)) return false;
        } else if (lenient() && walk.value().kind == JsonKind::null) {
            out.add("");  // Go's JSON decoder reads null as "".
            if (out.size() > names_lenient_max) return fail(field, lenient_names_wanted);
        } else {
            return fail(field, wanted);
        }
    }
    return true;
}

bool Fields::name(Field field, NameSet& out) {
    if (!has(field)) return true;
    if (value(field).kind != JsonKind::string) return fail(field, "a string is wanted");
    if (!add_name(field, value(field), out)) return false;
    if (out.last().empty()) out.remove_last();
    return true;
}

bool Fields::text(Field field, std::string& out) {
    if (!has(field)) return true;
    if (value(field).kind != JsonKind::string) return fail(field, "a string is wanted");
    out.clear();
    if (!base::append_json_decoded(out, value(field).raw()) && !lenient())
        return fail(field, "half of a surrogate pair");
    return true;
}

bool Fields::integer(Field field, int64_t& out) {
    if (!has(field)) return true;
    const std::string_view digits = value(field).text;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    if (value(field).kind != JsonKind::number || read.ec != std::errc() ||
        read.ptr != digits.data() + digits.size())
        return fail(field, "an integer is wanted");
    return true;
}

JsonText read_body(std::string_view body, Reading reading, std::string& repaired,
                   std::string& problem) {
    if (!base::utf8_is_valid(body)) {
        if (reading == Reading::strict) {
            problem = "the body: is not UTF-8";
            return {};
        }
        // Go's JSON decoder repairs a text in this way.
        body = repaired = base::utf8_repaired(body);
    }
    const auto value = base::scan_json(body);
    if (!value) {
        problem = "the body: is not JSON, or is more than 128 deep";
        return {};
    }
    return *value;
}

}  // namespace starling::webhook
