#include "app/demo/chat.h"

#include <starling/json.h>

#include <boost/json.hpp>

#include <algorithm>

namespace starling::app {
namespace {

namespace json = boost::json;

constexpr const char* expected = "expected {\"name\":\"...\",\"msg\":\"...\"}";

ChatStep refused(std::string_view why) {
    return {{}, json::serialize(json::object{{"error", why}})};
}

// C0 and C1 controls and DEL. The text is valid UTF-8, where U+0080 to U+009F are the bytes C2 80
// to C2 9F.
bool has_control(std::string_view text) noexcept {
    for (size_t i = 0; i < text.size(); ++i) {
        auto byte = static_cast<uint8_t>(text[i]);
        if (byte < 0x20 || byte == 0x7f) return true;
        if (byte == 0xc2 && i + 1 < text.size() && static_cast<uint8_t>(text[i + 1]) < 0xa0)
            return true;
    }
    return false;
}

}  // namespace

bool chat_is_blank(std::string_view text) noexcept {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

const char* chat_fault_of_name(std::string_view name) noexcept {
    if (chat_is_blank(name)) return "name is empty";
    if (name.size() > chat_name_bytes_max) return "name is longer than 64 bytes";
    if (has_control(name)) return "name contains control characters";
    // The line "name:message" must never look like the server's answer {"error":"..."}.
    if (name.front() == '{') return "name begins with '{'";
    // A colon in a name would let a member imitate another member's line.
    if (name.find(':') != std::string_view::npos) return "name contains ':'";
    return nullptr;
}

ChatStep chat_step(std::string& name, const ws::Message& message, bool may_introduce) {
    if (message.is_binary()) return refused("binary messages are not supported");
    const auto value = parse_json(message.text(), chat_json_depth_max);
    if (!value) return refused("not JSON: " + std::string(expected));
    const json::object* object = value->if_object();
    const json::value* who = object ? object->if_contains("name") : nullptr;
    const json::value* what = object ? object->if_contains("msg") : nullptr;
    const bool introduces = may_introduce && !what;
    if (!who || !who->is_string()) return refused(expected);
    if (!introduces && (!what || !what->is_string())) return refused(expected);
    const std::string_view said_name(who->get_string().data(), who->get_string().size());
    if (const char* fault = chat_fault_of_name(said_name)) return refused(fault);
    if (introduces) {
        name = said_name;
        return {};
    }
    const std::string_view said(what->get_string().data(), what->get_string().size());
    if (chat_is_blank(said)) return refused("msg is empty");
    name = said_name;
    return {name + ":" + std::string(said), {}};
}

std::string chat_farewell(std::string_view name) {
    return name.empty() ? std::string() : std::string(name) + "下线了!";
}

}  // namespace starling::app
