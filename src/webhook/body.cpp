#include "webhook/body.h"

#include "base/base64.h"
#include "base/json_text.h"

namespace starling::webhook {
namespace {

// False for most messages: then the members need not be read.
bool may_be_ping(std::string_view object) noexcept {
    return object.find("ping") != std::string_view::npos ||
           object.find("\\u") != std::string_view::npos;
}

}  // namespace

std::string_view action_text(Action action) noexcept {
    switch (action) {
        case Action::open: return "open";
        case Action::message: return "message";
        case Action::close: return "close";
        case Action::ack: return "ack";
    }
    return "";
}

ClientText read_client_text(std::string_view text) noexcept {
    return {text, base::scan_json(text)};
}

bool is_ping(const ClientText& message) {
    if (!message.json || message.json->kind != base::JsonKind::object) return false;
    if (!may_be_ping(message.json->text)) return false;
    bool ping = false;
    for (base::JsonWalk walk(*message.json); walk.next();)
        if (base::json_string_is(walk.key(), "event"))
            ping = walk.value().kind == base::JsonKind::string &&
                   base::json_string_is(walk.value().raw(), "ping");
    return ping;
}

std::string data_of(const ClientText& message, Data data) {
    const auto& json = message.json;
    if (data == Data::objects_only &&
        (!json || (json->kind != base::JsonKind::object && json->kind != base::JsonKind::null)))
        return "{}";
    if (json) return std::string(message.text);
    std::string out;
    out.reserve(message.text.size() + 2);
    base::append_json_string(out, message.text);
    return out;
}

std::string data_of_binary(std::string_view bytes, Data data) {
    if (data == Data::objects_only) return "{}";
    constexpr std::string_view front = "{\"base64\":\"";
    constexpr std::string_view back = "\"}";
    std::string out;
    out.reserve(front.size() + (bytes.size() + 2) / 3 * 4 + back.size());
    out += front;
    base::base64_append(out, bytes);
    out += back;
    return out;
}

void append_body(std::string& out, Action action, std::string_view data, const Client& client,
                 std::optional<uint64_t> ack_id) {
    constexpr size_t names = 96;  // Rough size of the field names.
    out.reserve(out.size() + data.size() + client.user().size() + client.conn_id().size() +
                client.token().size() + client.session().size() + client.nsp().size() + names);
    out.append("{\"data\":").append(data);
    out.append(",\"action\":\"").append(action_text(action));
    out += "\",\"user_name\":";
    base::append_json_string(out, client.user());
    out += ",\"conn_id\":";
    base::append_json_string(out, client.conn_id());
    out += ",\"token\":";
    base::append_json_string(out, client.token());
    out += client.is_public() ? ",\"access_public\":true" : ",\"access_public\":false";
    if (!client.session().empty()) out.append(",\"session\":").append(client.session());
    if (ack_id) out.append(",\"ack_id\":").append(std::to_string(*ack_id));
    if (!client.nsp().empty()) {
        out += ",\"namespace\":";
        base::append_json_string(out, client.nsp());
    }
    out += '}';
}

}  // namespace starling::webhook
