#include "webhook/actions.h"

#include <array>
#include <utility>

#include "base/json_text.h"

namespace starling::webhook {
namespace {

using base::JsonKind;
using base::JsonText;
using base::JsonWalk;

struct Reader {
    bool admission;
    Actions out;

    // `place` is, for example, "actions[2].".
    bool action(const JsonText& value, const std::string& place) {
        if (value.kind != JsonKind::object) return fail(place, "an object is wanted");
        JsonWalk walk(value);
        if (!walk.next()) return fail(place, "one action is wanted");
        const std::string_view key = walk.key();
        const JsonText argument = walk.value();
        if (walk.next()) return fail(place, "one action is wanted");
        for (const Kind& kind : kinds)
            if (base::json_string_is(key, kind.name))
                return (this->*kind.read)(argument, place + std::string(kind.name) + ".");
        return fail(place, "send, emit, ack, join, leave, publish, close or accept is wanted");
    }

    bool accept(const JsonText& value, const std::string& place) {
        if (!admission) return fail(place, "only an open webhook that asks is answered by it");
        if (out.accept) return fail(place, "stands twice");
        Fields fields(Reading::strict, place);
        Accept accept;
        std::string user;
        NameSet topics;
        if (!fields.read(value, {Field::user_name, Field::data, Field::topics}) ||
            !fields.text(Field::user_name, user) || !session(fields, accept.session) ||
            !fields.names(Field::topics, topics))
            return fail(fields);
        if (user.size() > name_bytes_max || user.find('\0') != std::string::npos)
            return fail(place + "user_name.", "at most 255 bytes without NUL are wanted");
        if (fields.has(Field::user_name)) accept.user = std::move(user);
        if (!copy_topics(topics, accept.topics, place + "topics.")) return false;
        out.accept = std::move(accept);
        return true;
    }

private:
    using Read = bool (Reader::*)(const JsonText&, const std::string&);
    struct Kind {
        std::string_view name;
        Read read;
    };
    static const std::array<Kind, 8> kinds;

    bool send(const JsonText& value, const std::string& place) {
        Fields fields(Reading::strict, place);
        SendRequest request;
        if (!read_send(fields, value, false, request)) return fail(fields);
        return add(std::move(request));
    }
    bool emit(const JsonText& value, const std::string& place) {
        Fields fields(Reading::strict, place);
        EmitRequest request;
        if (!read_emit(fields, value, false, request)) return fail(fields);
        return add(std::move(request));
    }
    bool ack(const JsonText& value, const std::string& place) {
        Fields fields(Reading::strict, place);
        AckRequest request;
        if (!fields.read(value, {Field::ack_id, Field::data}) ||
            !read_ack_id(fields, request.ack_id) || !read_arguments(fields, request.args))
            return fail(fields);
        return add(std::move(request));
    }
    bool close(const JsonText& value, const std::string& place) {
        Fields fields(Reading::strict, place);
        CloseRequest request;
        if (!read_close(fields, value, false, request)) return fail(fields);
        return add(std::move(request));
    }
    bool publish(const JsonText& value, const std::string& place) {
        Fields fields(Reading::strict, place);
        PublishRequest request;
        if (!read_publish(fields, value, request)) return fail(fields);
        return add(std::move(request));
    }
    bool join(const JsonText& value, const std::string& place) {
        Join join;
        return read_topics(value, join.topics, place) && add(std::move(join));
    }
    bool leave(const JsonText& value, const std::string& place) {
        Leave leave;
        return read_topics(value, leave.topics, place) && add(std::move(leave));
    }

    bool read_topics(const JsonText& value, std::vector<std::string>& topics,
                     const std::string& place) {
        NameSet names;
        Fields fields(Reading::strict);
        if (!fields.names_of(value, Field::topics, names)) {
            const std::string& problem = fields.problem();
            return fail(place, std::string_view(problem).substr(problem.find(':') + 2));
        }
        return copy_topics(names, topics, place);
    }

    bool copy_topics(const NameSet& names, std::vector<std::string>& topics,
                     const std::string& place) {
        for (size_t i = 0; i < names.size(); ++i) {
            if (!is_topic(names[i])) return fail(place, "1 to 255 bytes without NUL are wanted");
            topics.emplace_back(names[i]);
        }
        return true;
    }

    static bool session(Fields& fields, std::string& session) {
        if (!fields.has(Field::data)) return true;
        session = fields.value(Field::data).text;
        return session.size() <= session_bytes_max ||
               fields.fail(Field::data, "at most 4096 bytes are wanted");
    }

    bool add(ActionRequest request) {
        out.list.push_back(std::move(request));
        return true;
    }
    // `place` ends with a full stop.
    bool fail(std::string_view place, std::string_view problem) {
        out.problem = place.substr(0, place.size() - 1);
        out.problem.append(": ").append(problem);
        return false;
    }
    bool fail(const Fields& fields) {
        out.problem = fields.problem();
        return false;
    }
};

const std::array<Reader::Kind, 8> Reader::kinds = {{
    {"send", &Reader::send},
    {"emit", &Reader::emit},
    {"ack", &Reader::ack},
    {"join", &Reader::join},
    {"leave", &Reader::leave},
    {"publish", &Reader::publish},
    {"close", &Reader::close},
    {"accept", &Reader::accept},
}};

void read_list(Reader& reader, const JsonText& list) {
    if (list.kind != JsonKind::array) {
        reader.out.problem = "actions: an array is wanted";
        return;
    }
    size_t i = 0;
    for (JsonWalk walk(list); walk.next(); ++i)
        if (!reader.action(walk.value(), "actions[" + std::to_string(i) + "].")) return;
}

}  // namespace

Actions read_actions(std::string_view body, bool admission) {
    Reader reader{admission, {}};
    Actions& out = reader.out;
    std::string repaired;
    if (body.size() > actions_bytes_max) {
        out.problem = "the body: at most 65536 bytes are wanted";
        return std::move(out);
    }
    const JsonText value = read_body(body, Reading::strict, repaired, out.problem);
    if (!out.problem.empty()) return std::move(out);
    Fields fields(Reading::strict);
    if (!fields.read(value, {Field::actions, Field::accept})) {
        out.problem = fields.problem();
        return std::move(out);
    }
    if (fields.has(Field::accept) && !reader.accept(fields.value(Field::accept), "accept."))
        return std::move(out);
    if (fields.has(Field::actions))
        read_list(reader, fields.value(Field::actions));
    else if (!fields.has(Field::accept))
        out.problem = "actions: is missing";
    return std::move(out);
}

}  // namespace starling::webhook
