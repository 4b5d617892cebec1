#include "events/v1_request.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/json_scan.h"
#include "base/json_text.h"
#include "base/utf8.h"
#include "events/pattern.h"

namespace starling::events::v1 {
namespace {

using base::JsonKind;
using base::JsonText;

constexpr uint64_t integer_max = (uint64_t{1} << 53) - 1;  // JavaScript's.
constexpr size_t since_bytes_max = 256;
constexpr size_t token_bytes_max = 64 * 1024;

constexpr uint8_t bit(RequestType type) noexcept {
    return static_cast<uint8_t>(1U << static_cast<unsigned>(type));
}
constexpr uint8_t every = 0xff, in_channel = every ^ bit(RequestType::login);

struct Type {
    std::string_view name;
    RequestType type;
};
constexpr std::array<Type, 6> types{{{"subscribe", RequestType::subscribe},
                                     {"unsubscribe", RequestType::unsubscribe},
                                     {"publish", RequestType::publish},
                                     {"presence", RequestType::presence},
                                     {"history", RequestType::history},
                                     {"login", RequestType::login}}};

// The members of a request, and the types that have them.
struct Field {
    std::string_view name;
    uint8_t types;
    bool required;
};
enum : uint8_t {
    type_field,
    id_field,
    channel_field,
    since_field,
    limit_field,
    presence_field,
    info_field,
    data_field,
    token_field,
    field_count
};
constexpr std::array<Field, field_count> fields{
    {{"type", every, true},
     {"id", every, false},
     {"channel", in_channel, true},
     {"since", static_cast<uint8_t>(bit(RequestType::subscribe) | bit(RequestType::history)),
      false},
     {"limit", bit(RequestType::history), false},
     {"presence", bit(RequestType::subscribe), false},
     {"info", bit(RequestType::subscribe), false},
     {"data", bit(RequestType::publish), true},
     {"token", bit(RequestType::login), true}}};

std::optional<uint64_t> integer(const JsonText& value) noexcept {
    if (value.kind != JsonKind::number) return std::nullopt;
    uint64_t number = 0;
    const char* const last = value.text.data() + value.text.size();
    const auto [end, error] = std::from_chars(value.text.data(), last, number);
    if (error != std::errc() || end != last || number > integer_max) return std::nullopt;
    return number;
}

std::optional<std::string> text_of(const JsonText& value) {
    std::string text;
    if (value.kind != JsonKind::string || !base::append_json_decoded(text, value.raw()))
        return std::nullopt;
    return text;
}

struct Parser {
    std::array<std::optional<JsonText>, field_count> given;
    Parsed parsed;

    bool fail(std::string message, int code = code::bad_request) {
        parsed.problem = {code, std::move(message)};
        return false;
    }
    bool must_be(size_t field, std::string_view what) {
        return fail("'" + std::string(fields[field].name) + "' must be " + std::string(what));
    }

    bool collect(const JsonText& object) {
        for (base::JsonWalk walk(object); walk.next();) {
            const auto found = std::ranges::find_if(fields, [&](const Field& field) {
                return base::json_string_is(walk.key(), field.name);
            });
            if (found == fields.end()) {
                std::string name;
                base::append_json_decoded(name, walk.key());
                return fail("'" + std::string(base::utf8_cut(name, 64)) + "' is not known");
            }
            given[static_cast<size_t>(found - fields.begin())] = walk.value();
        }
        return true;
    }

    bool id() {
        const auto& value = given[id_field];
        if (!value) return true;
        const bool fits = value->kind == JsonKind::string
                              ? value->text.size() <= id_bytes_max + 2 && text_of(*value)
                              : integer(*value).has_value();
        if (!fits) return must_be(id_field, "an integer up to 2^53-1, or a text up to 64 bytes");
        parsed.request.id = value->text;
        return true;
    }

    bool type() {
        const auto& value = given[type_field];
        if (!value) return fail("'type' is missing");
        const auto found = std::ranges::find_if(types, [&](const Type& one) {
            return value->kind == JsonKind::string && base::json_string_is(value->raw(), one.name);
        });
        if (found == types.end()) return fail("'type' is not known");
        parsed.request.type = found->type;
        for (size_t i = 0; i < field_count; ++i) {
            const bool has = (fields[i].types & bit(found->type)) != 0;
            const std::string name(fields[i].name);
            if (given[i] && !has)
                return fail("'" + name + "' does not belong to '" + std::string(found->name) + "'");
            if (!given[i] && has && fields[i].required) return fail("'" + name + "' is missing");
        }
        return true;
    }

    bool channel() {
        if (!given[channel_field]) return true;
        auto text = text_of(*given[channel_field]);
        if (!text || !is_channel_name(*text))
            return must_be(channel_field, "a text of 1 to 255 bytes without control characters");
        parsed.request.channel = std::move(*text);
        return true;
    }

    bool text(size_t field, size_t bytes_max, std::string& out) {
        if (!given[field]) return true;
        if (given[field]->text.size() > 6 * bytes_max + 2)  // At most 6 bytes, as \u0041, for one.
            return fail("'" + std::string(fields[field].name) + "' is too long", code::too_large);
        auto text = text_of(*given[field]);
        if (!text) return must_be(field, "a text");
        if (text->size() > bytes_max)
            return fail("'" + std::string(fields[field].name) + "' is too long", code::too_large);
        out = std::move(*text);
        return true;
    }

    bool rest(size_t info_bytes_max) {
        Request& request = parsed.request;
        std::string since;
        if (!text(since_field, since_bytes_max, since)) return false;
        if (given[since_field]) request.since = std::move(since);
        if (const auto& limit = given[limit_field]) {
            const auto number = integer(*limit);
            if (!number || *number == 0 || *number > limit_max)
                return must_be(limit_field, "an integer from 1 to 1000");
            request.limit = *number;
        }
        if (const auto& presence = given[presence_field]) {
            if (presence->kind != JsonKind::boolean)
                return must_be(presence_field, "true or false");
            request.presence = presence->text == "true";
        }
        if (const auto& info = given[info_field]) {
            if (!request.presence) return fail("'info' needs \"presence\":true");
            if (info->text.size() > info_bytes_max)
                return fail("'info' is larger than " + std::to_string(info_bytes_max) + " bytes",
                            code::too_large);
            request.info = base::json_without_blanks(info->text);
        }
        return text(token_field, token_bytes_max, request.token);
    }

    bool data() {
        if (!given[data_field]) return true;
        auto text = text_of(*given[data_field]);
        if (!text) return must_be(data_field, "a text");
        parsed.request.data = std::move(*text);
        return true;
    }
};

}  // namespace

Parsed parse(std::string_view text, size_t info_bytes_max) {
    Parser parser;
    const auto value = base::scan_json(text);
    if (!value || value->kind != JsonKind::object)
        parser.fail("not a JSON object");
    else
        static_cast<void>(parser.collect(*value) && parser.id() && parser.type() &&
                          parser.channel() && parser.rest(info_bytes_max) && parser.data());
    return std::move(parser.parsed);
}

}  // namespace starling::events::v1
