#include "events/v1_reply.h"

#include "base/json_text.h"

namespace starling::events::v1 {
namespace {

// One JSON object, member by member.
class Object {
public:
    explicit Object(std::string_view type) { text("type", type); }
    explicit Object() = default;

    Object& text(std::string_view name, std::string_view value) {
        base::append_json_string(key(name), value);
        return *this;
    }
    Object& json(std::string_view name, std::string_view value) {
        key(name) += value;
        return *this;
    }
    Object& flag(std::string_view name, bool value) { return json(name, value ? "true" : "false"); }
    Object& number(std::string_view name, uint64_t value) {
        return json(name, std::to_string(value));
    }
    // Members that may be absent.
    Object& id(std::string_view value) { return value.empty() ? *this : json("id", value); }
    Object& text_if(std::string_view name, std::string_view value) {
        return value.empty() ? *this : text(name, value);
    }
    std::string take() {
        if (out_.empty()) out_ += '{';
        out_ += '}';
        return std::move(out_);
    }

private:
    std::string& key(std::string_view name) {
        out_ += out_.empty() ? '{' : ',';
        return out_.append("\"").append(name).append("\":");
    }
    std::string out_;
};

std::string messages(const std::vector<hub::KeptPtr>& list) {
    std::string out = "[";
    for (const auto& kept : list) {
        if (out.size() > 1) out += ',';
        out += Object()
                   .text("offset", hub::position_text(kept->epoch, kept->offset))
                   .text("data", kept->text)
                   .take();
    }
    return out + "]";
}

Object& add_member(Object& object, const hub::PresenceMember& member) {
    object.text("client", member.client).text_if("user", member.user);
    return member.info.empty() ? object : object.json("info", member.info);
}

Object& add_list(Object& object, const hub::PresenceList& list, size_t members_bytes_max) {
    std::string members = "[";
    size_t listed = 0;
    for (const auto& member : list.members) {
        Object one;
        const std::string text = add_member(one, member).take();
        if (members.size() + text.size() + 2 > members_bytes_max) break;  // A comma and "]".
        if (members.size() > 1) members += ',';
        members += text;
        ++listed;
    }
    members += ']';
    object.number("users", list.users).number("connections", list.connections);
    if (list.missing > 0) object.number("missing", list.missing);
    if (list.age_ms) object.number("age_ms", *list.age_ms);
    if (listed < list.users) object.flag("more", true);
    return object.json("members", members);
}

}  // namespace

std::string welcome(std::string_view client, std::string_view user) {
    return Object("welcome").text("client", client).text_if("user", user).take();
}

std::string subscribed(std::string_view id, std::string_view channel, const Subscribed& how) {
    Object object("subscribed");
    object.id(id).text("channel", channel).text_if("offset", how.offset);
    if (how.asked) object.flag("recovered", how.recovered);
    if (how.asked && how.missed) object.json("messages", messages(*how.missed));
    if (how.presence) {
        Object list;
        object.json("presence", add_list(list, *how.presence, how.members_bytes_max).take());
    }
    return object.take();
}

std::string ack(std::string_view id, std::string_view channel, std::string_view offset) {
    return Object("ack").id(id).text_if("channel", channel).text_if("offset", offset).take();
}

std::string error(std::string_view id, std::string_view channel, const Problem& problem) {
    return Object("error")
        .id(id)
        .text_if("channel", channel)
        .number("code", static_cast<uint64_t>(problem.code))
        .text("message", problem.message)
        .take();
}

std::string presence(std::string_view id, std::string_view channel, const hub::PresenceList& list,
                     std::string_view client, size_t members_bytes_max) {
    Object object("presence");
    object.id(id).text("channel", channel).text_if("client", client);
    return add_list(object, list, members_bytes_max).take();
}

std::string presence_page(std::string_view channel, const hub::PresenceList& list,
                          size_t members_bytes_max) {
    Object object;
    object.text("channel", channel);
    return add_list(object, list, members_bytes_max).take();
}

std::string history(std::string_view id, std::string_view channel, const hub::HistoryPage& page,
                    bool recovered) {
    return Object("history")
        .id(id)
        .text("channel", channel)
        .text("offset", hub::position_text(page.top))
        .flag("recovered", recovered)
        .flag("more", page.more)
        .json("messages", messages(page.messages))
        .take();
}

std::string message(std::string_view channel, std::string_view offset, std::string_view data) {
    return Object("message")
        .text("channel", channel)
        .text_if("offset", offset)
        .text("data", data)
        .take();
}

std::string presence_change(const hub::PresenceChange& change) {
    Object object(change.joined ? "join" : "leave");
    object.text("channel", change.channel);
    return add_member(object, change.member).take();
}

std::string unsubscribed(std::string_view channel, const Problem& why) {
    return Object("unsubscribed")
        .text("channel", channel)
        .number("code", static_cast<uint64_t>(why.code))
        .text("message", why.message)
        .take();
}

}  // namespace starling::events::v1
