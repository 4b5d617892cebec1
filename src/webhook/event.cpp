#include "webhook/event.h"

#include "base/base64.h"
#include "base/json_text.h"
#include "socketio/codec/reserved.h"

namespace starling::webhook {
namespace {

using base::JsonKind;
using base::JsonText;
using base::JsonWalk;

constexpr std::string_view front = "{\"event\":";
constexpr std::string_view middle = ",\"data\":[";
constexpr std::string_view back = "]}";

// Replaces the bytes in one array of arguments by placeholders.
class BytesFinder {
public:
    BytesFinder(Fields& fields, Arguments& out) : fields_(fields), out_(out) {}

    bool run(const JsonText& array) {
        text_ = array.text;
        // The name may be written with escapes. Most arguments hold no bytes.
        if (text_.find("base64") == std::string_view::npos &&
            text_.find("\\u") == std::string_view::npos)
            return true;
        if (!visit(array)) return false;
        if (out_.attachments.empty()) return true;
        // The client would take such an object for a placeholder of bytes.
        if (lookalike_)
            return fields_.fail(Field::data, "_placeholder cannot be sent together with base64");
        out_.with_placeholders.append(text_.substr(copied_));
        return true;
    }

private:
    // Recurses as deep as scan_json() allows.
    bool visit(const JsonText& value) {
        if (value.kind != JsonKind::object && value.kind != JsonKind::array) return true;
        size_t members = 0;
        JsonText bytes;
        for (JsonWalk walk(value); walk.next(); ++members) {
            if (value.kind != JsonKind::object) continue;
            lookalike_ |= base::json_string_is(walk.key(), "_placeholder");
            if (walk.value().kind == JsonKind::string && base::json_string_is(walk.key(), "base64"))
                bytes = walk.value();
        }
        if (members == 1 && bytes.kind == JsonKind::string) return replace(value, bytes);
        for (JsonWalk walk(value); walk.next();)
            if (!visit(walk.value())) return false;
        return true;
    }

    bool replace(const JsonText& object, const JsonText& bytes) {
        std::string encoded, decoded;
        if (!base::append_json_decoded(encoded, bytes.raw()) ||
            !base::base64_decode(encoded, decoded))
            return fields_.fail(Field::data, "base64 is wanted");
        if (out_.attachments.size() == attachments_max)
            return fields_.fail(Field::data, "at most 10 values of base64 are wanted");
        const auto at = static_cast<size_t>(object.text.data() - text_.data());
        out_.with_placeholders.append(text_.substr(copied_, at - copied_))
            .append("{\"_placeholder\":true,\"num\":")
            .append(std::to_string(out_.attachments.size()))
            .append("}");
        copied_ = at + object.text.size();
        out_.attachments.push_back(std::move(decoded));
        return true;
    }

    Fields& fields_;
    Arguments& out_;
    std::string_view text_;
    size_t copied_ = 0;
    bool lookalike_ = false;
};

std::string joined(std::string_view name_json, std::string_view items) {
    std::string out;
    out.reserve(front.size() + name_json.size() + middle.size() + items.size() + back.size());
    return out.append(front).append(name_json).append(middle).append(items).append(back);
}

}  // namespace

bool read_arguments(Fields& fields, Arguments& out) {
    if (!fields.has(Field::data)) return true;
    const JsonText& array = fields.value(Field::data);
    if (array.kind != JsonKind::array) return fields.fail(Field::data, "an array is wanted");
    // Clients parse the packet, and half of a surrogate pair is no valid text for them.
    if (base::json_has_lone_surrogate(array.text))
        return fields.fail(Field::data, "half of a surrogate pair");
    out.json = array.text;
    return BytesFinder(fields, out).run(array);
}

bool read_event(Fields& fields, Event& out) {
    if (!fields.has(Field::event)) return fields.fail(Field::event, "is missing");
    if (!fields.text(Field::event, out.name)) return false;
    if (out.name.empty() || out.name.size() > name_bytes_max)
        return fields.fail(Field::event, "1 to 255 bytes are wanted");
    if (socketio::is_reserved_event(out.name))
        return fields.fail(Field::event, "is a name of Socket.IO's own");
    return read_arguments(fields, out.args);
}

bool read_ack_id(Fields& fields, uint64_t& out) {
    if (!fields.has(Field::ack_id)) return fields.fail(Field::ack_id, "is missing");
    int64_t number = 0;
    if (!fields.integer(Field::ack_id, number)) return false;
    out = static_cast<uint64_t>(number);
    return (number >= 0 && number <= ack_id_max) ||
           fields.fail(Field::ack_id, "0 to 9007199254740991 is wanted");
}

std::string_view items_of(std::string_view array) noexcept {
    constexpr std::string_view blanks = " \t\r\n";
    array = array.substr(1, array.size() - 2);
    const size_t begin = array.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return array.substr(begin, array.find_last_not_of(blanks) + 1 - begin);
}

std::string event_text(const Event& event) {
    std::string name;
    base::append_json_string(name, event.name);
    return joined(name, items_of(event.args.json));
}

std::string event_text(std::string_view array) {
    const auto json = base::scan_json(array);
    if (!json || json->kind != JsonKind::array) return {};
    JsonWalk walk(*json);
    if (!walk.next()) return {};
    const JsonText name = walk.value();
    std::string name_json(name.text);
    if (name.kind == JsonKind::number)
        name_json = '"' + name_json + '"';
    else if (name.kind != JsonKind::string)
        return {};
    if (!walk.next()) return joined(name_json, {});
    const std::string_view items = items_of(json->text);
    const auto second = static_cast<size_t>(walk.value().text.data() - items.data());
    return joined(name_json, items.substr(second));
}

}  // namespace starling::webhook
