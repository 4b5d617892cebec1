#include "webhook/actions.h"

#include <gtest/gtest.h>

#include <string>

namespace starling::webhook {
namespace {

std::string all_of(const std::vector<std::string>& texts) {
    std::string out;
    for (const auto& text : texts) out.append(" ").append(text);
    return out;
}

struct Show {
    std::string operator()(const SendRequest& send) const {
        return "send " + send.payload.bytes + (send.to.given() ? " to others" : "");
    }
    std::string operator()(const Join& join) const { return "join" + all_of(join.topics); }
    std::string operator()(const Leave& leave) const { return "leave" + all_of(leave.topics); }
    std::string operator()(const PublishRequest& publish) const {
        return "publish " + publish.topic + " " +
               (publish.event ? event_text(*publish.event) : publish.payload.bytes);
    }
    std::string operator()(const EmitRequest& emit) const {
        return "emit " + event_text(emit.event) + (emit.to.given() ? " to others" : "") +
               (emit.ack_id ? " ack " + std::to_string(*emit.ack_id) : "");
    }
    std::string operator()(const AckRequest& ack) const {
        return "ack " + std::to_string(ack.ack_id) + " " + ack.args.packet_json();
    }
    std::string operator()(const CloseRequest& close) const {
        return "close " + std::to_string(close.code) + " " + close.reason +
               (close.of.given() ? " of others" : "");
    }
};

std::string read(std::string_view body, bool admission = false) {
    const Actions actions = read_actions(body, admission);
    std::string out;
    for (const auto& action : actions.list) out += std::visit(Show{}, action) + "; ";
    if (actions.accept)
        out += "accept " + actions.accept->user.value_or("-") + " '" + actions.accept->session +
               "'" + all_of(actions.accept->topics) + "; ";
    return out + actions.problem;
}

TEST(WebhookActions, Lists) {
    const struct {
        std::string body, result;
    } cases[] = {
        {R"({"actions":[{"send":{"payload":{"a":1}}},{"join":["t1","t2"]},{"leave":["t3"]},)"
         R"({"publish":{"topic":"t","payload":[ 1 ]}},{"close":{"code":4000,"reason":"bye"}}]})",
         R"(send {"a":1}; join t1 t2; leave t3; publish t [ 1 ]; close 4000 bye; )"},
        {R"({"actions":[]})", ""},
        {R"({"actions":[{"send":{"text":"x","users":["a"]}},{"close":{"conns":["c"]}}]})",
         "send x to others; close 1000  of others; "},
        {R"({"actions":[{"close":{}},{"join":[]}]})", "close 1000 ; join; "},
        // Actions before a fault count.
        {R"({"actions":[{"join":["t"]},{"send":{"payload":1,"users":"a"}},{"join":["u"]}]})",
         "join t; actions[1].send.users: an array of strings is wanted"},
        {R"({"actions":[{"send":{}}]})", "actions[0].send.payload: is missing"},
        {R"({"actions":[{"send":7}]})", "actions[0].send: an object is wanted"},
        {R"({"actions":[{"send":{"payload":1,"to":2}}]})", "actions[0].send.to: is not known"},
        {R"({"actions":[{"join":"t"}]})", "actions[0].join: an array of strings is wanted"},
        {R"({"actions":[{"join":["t",1]}]})", "actions[0].join: an array of strings is wanted"},
        {R"({"actions":[{"leave":[""]}]})",
         "actions[0].leave: 1 to 255 bytes without NUL are wanted"},
        {R"({"actions":[{"publish":{"payload":1}}]})", "actions[0].publish.topic: is missing"},
        {R"({"actions":[{"close":{"code":1}}]})",
         "actions[0].close.code: 1000 or 3000 to 4999 is wanted"},
        {R"({"actions":[{"shout":{}}]})",
         "actions[0]: send, emit, ack, join, leave, publish, close or accept is wanted"},
        {R"({"actions":[{"ack":{"ack_id":7,"data":[1,{"base64":"QQ=="}]}},{"ack":{"ack_id":0}},)"
         R"({"emit":{"event":"e","data":[2]}},{"emit":{"event":"e","users":["u"]}},)"
         R"({"publish":{"topic":"t","event":"e"}}]})",
         R"(ack 7 [1,{"_placeholder":true,"num":0}]; ack 0 []; emit {"event":"e","data":[2]}; )"
         R"(emit {"event":"e","data":[]} to others; publish t {"event":"e","data":[]}; )"},
        {R"({"actions":[{"emit":{"event":"e","ack_id":0}}]})",
         R"(emit {"event":"e","data":[]} ack 0; )"},
        {R"({"actions":[{"emit":{"event":"e","ack_id":1.5}}]})",
         "actions[0].emit.ack_id: an integer is wanted"},
        {R"({"actions":[{"emit":{"event":"e","ack_id":-1}}]})",
         "actions[0].emit.ack_id: 0 to 9007199254740991 is wanted"},
        {R"({"actions":[{"ack":{"data":[]}}]})", "actions[0].ack.ack_id: is missing"},
        {R"({"actions":[{"ack":{"ack_id":"7"}}]})", "actions[0].ack.ack_id: an integer is wanted"},
        {R"({"actions":[{"ack":{"ack_id":-1}}]})",
         "actions[0].ack.ack_id: 0 to 9007199254740991 is wanted"},
        {R"({"actions":[{"ack":{"ack_id":9007199254740992}}]})",
         "actions[0].ack.ack_id: 0 to 9007199254740991 is wanted"},
        {R"({"actions":[{"ack":{"ack_id":1,"data":1}}]})",
         "actions[0].ack.data: an array is wanted"},
        {R"({"actions":[{"ack":{"ack_id":1,"users":[]}}]})", "actions[0].ack.users: is not known"},
        {R"({"actions":[{"emit":{"data":[]}}]})", "actions[0].emit.event: is missing"},
        {R"({"actions":[{}]})", "actions[0]: one action is wanted"},
        {R"({"actions":[{"join":["a"],"leave":["b"]}]})", "actions[0]: one action is wanted"},
        {R"({"actions":[[]]})", "actions[0]: an object is wanted"},
        {R"({"actions":{}})", "actions: an array is wanted"},
        {R"({"actions":[],"more":1})", "more: is not known"},
        {"{}", "actions: is missing"},
        {"[]", "the body: an object is wanted"},
        {"", "the body: is not JSON, or is more than 128 deep"},
        {R"({"actions":[{"join":["t"]})", "the body: is not JSON, or is more than 128 deep"},
        {R"({"actions":[{"accept":{}}]})",
         "actions[0].accept: only an open webhook that asks is answered by it"},
        {R"({"actions":[{"join":["\ud83d"]}]})", "actions[0].join: half of a surrogate pair"},
        {"{\"actions\":[" + std::string(actions_bytes_max, ' ') + "]}",
         "the body: at most 65536 bytes are wanted"},
    };
    for (const auto& c : cases) EXPECT_EQ(read(c.body), c.result) << c.body.substr(0, 200);
}

TEST(WebhookActions, Accept) {
    const std::string long_data = "\"" + std::string(4'095, 'd') + "\"";
    const struct {
        std::string body, result;
    } cases[] = {
        {R"({"actions":[{"accept":{"user_name":"alice","data":{"a": 1},"topics":["t","u"]}}]})",
         R"(accept alice '{"a": 1}' t u; )"},
        {R"({"accept":{"user_name":""}})", "accept  ''; "},
        {R"({"accept":{},"actions":[{"join":["t"]}]})", "join t; accept - ''; "},
        {R"({"actions":[{"accept":{}},{"accept":{}}]})",
         "accept - ''; actions[1].accept: stands twice"},
        {R"({"accept":{"user_name":7}})", "accept.user_name: a string is wanted"},
        {R"({"accept":{"user_name":"a\u0000"}})",
         "accept.user_name: at most 255 bytes without NUL are wanted"},
        {R"({"accept":{"user_name":")" + std::string(256, 'u') + "\"}}",
         "accept.user_name: at most 255 bytes without NUL are wanted"},
        {R"({"accept":{"topics":[""]}})", "accept.topics: 1 to 255 bytes without NUL are wanted"},
        {R"({"accept":{"topics":"t"}})", "accept.topics: an array of strings is wanted"},
        {R"({"accept":{"data":)" + long_data + "}}", "accept.data: at most 4096 bytes are wanted"},
        {R"({"accept":{"user":"a"}})", "accept.user: is not known"},
        {R"({"accept":[]})", "accept: an object is wanted"},
    };
    for (const auto& c : cases) EXPECT_EQ(read(c.body, true), c.result) << c.body.substr(0, 200);
}

}  // namespace
}  // namespace starling::webhook
