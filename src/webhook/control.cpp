#include "webhook/control.h"

#include <utility>

#include "base/base64.h"
#include "base/json_text.h"

namespace starling::webhook {
namespace {

using base::JsonKind;
using base::JsonText;

constexpr std::string_view topic_wanted = "1 to 255 bytes without NUL are wanted";

// Forgets malformed values of fields that Olares' gateway does not know, because it ignores them.
void forget_faulty(Fields& fields) {
    if (!fields.lenient()) return;
    for (const Field field : {Field::text, Field::base64, Field::reason})
        if (fields.has(field) && fields.value(field).kind != JsonKind::string) fields.forget(field);
    int64_t code = 0;
    if (fields.has(Field::code) && (!fields.integer(Field::code, code) || !is_close_code(code)))
        fields.forget(Field::code);
}

bool read_access(Fields& fields, Access& out) {
    int64_t number = 0;
    if (!fields.integer(Field::users_access_type, number)) return false;
    if (number == 1 || number == 2)
        out = number == 1 ? Access::private_only : Access::public_only;
    else if (number != 0 && !fields.lenient())
        return fields.fail(Field::users_access_type, "0, 1 or 2 is wanted");
    return true;
}

void drop_empty(NameSet& names) {
    NameSet kept;
    for (size_t i = 0; i < names.size(); ++i)
        if (!names[i].empty()) kept.add(names[i]);
    names = std::move(kept);
}

bool finish_selector(Fields& fields, Selector& out, bool needs_selector, std::string_view names) {
    out.conns.seal();
    out.users.seal();
    out.tokens.seal();
    if (needs_selector && !out.given()) return fields.fail(names, "one of these is wanted");
    return true;
}

bool read_send_selector(Fields& fields, bool needs_selector, Selector& out) {
    return fields.name(Field::conn_id, out.conns) && fields.names(Field::users, out.users) &&
           fields.names(Field::tokens, out.tokens) && read_access(fields, out.access) &&
           finish_selector(fields, out, needs_selector, "conn_id, users, tokens");
}

// Skips "" among connections and tokens: a caller that does not know a token sends "", and means no
// connection.
bool read_close_selector(Fields& fields, bool needs_selector, Selector& out) {
    if (!fields.names(Field::conns, out.conns) || !fields.names(Field::users, out.users) ||
        !fields.names(Field::tokens, out.tokens) || !read_access(fields, out.access))
        return false;
    drop_empty(out.conns);
    drop_empty(out.tokens);
    return finish_selector(fields, out, needs_selector, "conns, users, tokens");
}

bool read_payload(Fields& fields, Payload& out) {
    forget_faulty(fields);
    if (fields.lenient() && fields.has(Field::payload)) {
        fields.forget(Field::text);
        fields.forget(Field::base64);
    }
    const int count =
        fields.has(Field::payload) + fields.has(Field::text) + fields.has(Field::base64);
    if (count > 1) return fields.fail("payload, text, base64", "only one of these is wanted");
    if (fields.has(Field::payload)) {
        out.bytes = fields.value(Field::payload).text;
        out.json = true;
        if (!fields.lenient() && base::json_has_lone_surrogate(out.bytes))
            return fields.fail(Field::payload, "half of a surrogate pair");
        return true;
    }
    if (fields.has(Field::text)) return fields.text(Field::text, out.bytes);
    if (fields.has(Field::base64)) {
        std::string text;
        out.binary = true;
        if (!fields.text(Field::base64, text)) return false;
        return base::base64_decode(text, out.bytes) ||
               fields.fail(Field::base64, "base64 is wanted");
    }
    if (!fields.lenient()) return fields.fail(Field::payload, "is missing");
    out.bytes = "null";
    out.json = true;
    return true;
}

// Reads an event, or a payload if there is no event.
bool read_published(Fields& fields, PublishRequest& out) {
    if (!fields.has(Field::event)) {
        if (fields.has(Field::data) && !fields.lenient())
            return fields.fail(Field::data, "goes with an event");
        return read_payload(fields, out.payload);
    }
    for (const Field field : {Field::payload, Field::text, Field::base64})
        if (fields.has(field))
            return fields.fail("payload, text, base64, event", "only one of these is wanted");
    return read_event(fields, out.event.emplace());
}

bool read_topic_name(Fields& fields, std::string& out) {
    if (!fields.has(Field::topic)) return fields.fail(Field::topic, "is missing");
    if (!fields.text(Field::topic, out)) return false;
    return is_topic(out) || fields.fail(Field::topic, topic_wanted);
}

bool read_topic_request(Fields& fields, const JsonText& object, TopicRequest& out) {
    return fields.read(object, {Field::topic, Field::conns, Field::users, Field::tokens,
                                Field::users_access_type}) &&
           read_topic_name(fields, out.topic) && read_close_selector(fields, true, out.of);
}

template <class Request, class Read>
base::Result<Request> read_request(std::string_view body, Reading reading, Read read) {
    std::string repaired;
    std::string problem;
    const JsonText value = read_body(body, reading, repaired, problem);
    if (!problem.empty()) return base::Failure(std::move(problem));
    Fields fields(reading);  // NOLINT(misc-const-correctness): read() changes it.
    Request request;
    if (!read(fields, value, request)) return base::Failure(fields.problem());
    return request;
}

}  // namespace

bool is_topic(std::string_view name) noexcept {
    return !name.empty() && name.size() <= name_bytes_max &&
           name.find('\0') == std::string_view::npos;
}

bool read_send(Fields& fields, const JsonText& object, bool needs_selector, SendRequest& out) {
    return fields.read(object, {Field::payload, Field::text, Field::base64, Field::conn_id,
                                Field::users, Field::tokens, Field::users_access_type}) &&
           read_send_selector(fields, needs_selector, out.to) && read_payload(fields, out.payload);
}

bool read_emit(Fields& fields, const JsonText& object, bool needs_selector, EmitRequest& out) {
    return fields.read(object, {Field::event, Field::data, Field::ack_id, Field::conn_id,
                                Field::users, Field::tokens, Field::users_access_type}) &&
           read_send_selector(fields, needs_selector, out.to) && read_event(fields, out.event) &&
           (!fields.has(Field::ack_id) || read_ack_id(fields, out.ack_id.emplace()));
}

bool read_close(Fields& fields, const JsonText& object, bool needs_selector, CloseRequest& out) {
    if (!fields.read(object, {Field::conns, Field::users, Field::tokens, Field::users_access_type,
                              Field::code, Field::reason}))
        return false;
    forget_faulty(fields);
    int64_t code = out.code;
    if (!fields.integer(Field::code, code) || !fields.text(Field::reason, out.reason)) return false;
    if (!is_close_code(code)) return fields.fail(Field::code, "1000 or 3000 to 4999 is wanted");
    out.code = static_cast<uint16_t>(code);
    if (out.reason.size() > reason_bytes_max) {
        if (!fields.lenient()) return fields.fail(Field::reason, "at most 123 bytes are wanted");
        out.reason.clear();
    }
    return read_close_selector(fields, needs_selector, out.of);
}

bool read_publish(Fields& fields, const JsonText& object, PublishRequest& out) {
    if (!fields.read(object, {Field::topic, Field::payload, Field::text, Field::base64,
                              Field::event, Field::data, Field::except}) ||
        !read_topic_name(fields, out.topic) || !fields.names(Field::except, out.except))
        return false;
    out.except.seal();
    return read_published(fields, out);
}

base::Result<SendRequest> read_send(std::string_view body, Reading reading) {
    return read_request<SendRequest>(body, reading, [](Fields& fields, auto& value, auto& out) {
        return read_send(fields, value, true, out);
    });
}

base::Result<EmitRequest> read_emit(std::string_view body, Reading reading) {
    return read_request<EmitRequest>(body, reading, [](Fields& fields, auto& value, auto& out) {
        return read_emit(fields, value, true, out);
    });
}

base::Result<CloseRequest> read_close(std::string_view body, Reading reading) {
    return read_request<CloseRequest>(body, reading, [](Fields& fields, auto& value, auto& out) {
        return read_close(fields, value, true, out);
    });
}

base::Result<TopicRequest> read_topic(std::string_view body, Reading reading) {
    return read_request<TopicRequest>(body, reading, read_topic_request);
}

base::Result<PublishRequest> read_publish(std::string_view body, Reading reading) {
    return read_request<PublishRequest>(body, reading, [](Fields& fields, auto& value, auto& out) {
        return read_publish(fields, value, out);
    });
}

}  // namespace starling::webhook
