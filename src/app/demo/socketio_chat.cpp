#include "app/demo/socketio_chat.h"

#include "app/demo/chat.h"
#include "app/demo/community/token.h"
#include "app/demo/socketio_members.h"
#include "app/demo/socketio_nodes.h"

#include <starling/socketio.h>

#include <boost/json.hpp>

#include <atomic>
#include <chrono>
#include <memory>

namespace starling::app {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds changes_interval{250};

sio::Json refused(const char* code) { return json::object{{"error", code}}; }

const char* fault_of_text(std::string_view text) noexcept {
    if (chat_is_blank(text)) return "empty";
    return text.size() > socketio_text_bytes_max ? "long" : nullptr;
}

int64_t unix_ms() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

// The name in the CONNECT packet, {"name": "Ada"}; "" without one.
std::string name_of(const sio::Json& auth) {
    const json::object* object = auth.if_object();
    const json::value* name = object ? object->if_contains("name") : nullptr;
    return name && name->is_string() ? std::string(name->get_string()) : std::string();
}

int64_t steady_ms() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

// The state that the handlers share. Functions that return Json return the ack's argument.
class Chat : public std::enable_shared_from_this<Chat> {
public:
    Chat(Server& server, sio::Server& io) noexcept : server_(server), io_(io) {}

    void enter(sio::Socket socket) {
        const std::string id = socket.id(), name = name_of(socket.handshake().auth);
        // local(): at once, also where events wait for Redis because clients may recover them.
        const auto member = io_.local().to(id);
        member.emit("welcome", sio::Json(json::object{{"id", id}, {"name", name}}));
        member.emit("online", members_.list());
        if (members_.join(id, name)) tell_soon();
    }

    void leave(sio::Socket socket) {
        if (members_.leave(socket.id())) tell_soon();
    }

    sio::Json rename(sio::Socket socket, std::string_view name) {
        if (chat_fault_of_name(name)) return refused("name");
        if (members_.rename(socket.id(), name)) tell_soon();
        return json::object{{"name", name}};
    }

    sio::Json say(sio::Socket from, std::string_view text) {
        if (const char* fault = fault_of_text(text)) return refused(fault);
        io_.emit("message", sio::Json(line(from.id(), text)));
        return json::object();
    }

    sio::Json say_to(sio::Socket from, std::string_view to, std::string_view text) {
        if (const char* fault = fault_of_text(text)) return refused(fault);
        // A member's id is also the name of the member's room; `to` cannot name any other room.
        const auto name = members_.name(to);
        if (!name) return refused("gone");
        const std::string id = from.id();
        json::object said = line(id, text);
        said["to"] = to;
        said["toName"] = *name;
        io_.to(to).to(id).emit("private", sio::Json(std::move(said)));
        return json::object();
    }

    void typing(sio::Socket from, bool is_typing, std::string_view to) {
        const std::string id = from.id();
        const sio::Json told = json::object{
            {"from", id}, {"name", members_.name(id).value_or("")}, {"typing", is_typing}};
        if (to.empty()) {
            if (members_.may_tell_typing(id, is_typing, steady_ms()))
                from.broadcast().volatile_().emit("typing", told);
            return;
        }
        if (members_.name(to)) io_.to(to).volatile_().emit("typing", told);
    }

    // Before the server runs: exchanges the members with the other nodes of the cluster.
    void join_nodes() {
        node_ = community::random_secret(8);
        io_.on_server_side("chat members", [chat = shared_from_this()](std::string_view node,
                                                                       const sio::Json& list) {
            if (chat->nodes_.listed(node, list, steady_ms())) chat->tell_soon();
        });
        io_.on_server_side("chat beat",
                           [chat = shared_from_this()](std::string_view node, uint64_t version) {
                               if (chat->nodes_.beat(node, version, steady_ms()))
                                   chat->io_.server_side_emit("chat ask", node);
                           });
        io_.on_server_side("chat ask", [chat = shared_from_this()](std::string_view node) {
            if (node == chat->node_) chat->tell_nodes();
        });
        server_.every(std::chrono::milliseconds(chat_beat_ms), [chat = shared_from_this()] {
            chat->io_.server_side_emit("chat beat", chat->node_, chat->members_.own_version());
            if (chat->nodes_.forget_silent(steady_ms())) chat->tell_soon();
        });
    }

private:
    json::object line(const std::string& id, std::string_view text) const {
        return {{"from", id},
                {"name", members_.name(id).value_or("")},
                {"text", text},
                {"time", unix_ms()}};
    }

    // Broadcasts all changes of an interval at once, so that one client's requests cost the other
    // clients a bounded amount.
    void tell_soon() {
        server_.after(changes_interval, [chat = shared_from_this()] {
            const sio::Json changes = chat->members_.take_changes();
            // Each node counts versions of its own.
            if (!changes.is_null()) chat->io_.local().emit("changes", changes);
            chat->tell_nodes_if_changed();
        });
    }

    void tell_nodes_if_changed() {
        if (node_.empty() || told_nodes_ == members_.own_version()) return;
        tell_nodes();
    }

    void tell_nodes() {
        const sio::Json list = members_.own_list();
        told_nodes_ = list.at("version").to_number<uint64_t>();
        io_.server_side_emit("chat members", node_, list);
    }

    Server& server_;   // The server outlives its handlers, which own this object.
    sio::Server& io_;  // The Socket.IO server outlives its handlers, too.
    SocketIoMembers members_;
    SocketIoNodes nodes_{members_};
    std::string node_;                     // The name of this node; "": there is no cluster.
    std::atomic<uint64_t> told_nodes_{0};  // The version that the other nodes got last.
};

}  // namespace

sio::Server& serve_socketio_chat(Server& server, sio::Options options, bool in_cluster) {
    sio::Server& io = server.socketio(std::move(options));
    auto chat = std::make_shared<Chat>(server, io);
    if (in_cluster) chat->join_nodes();
    io.use([](sio::Socket socket) -> std::optional<sio::Error> {
        const char* fault = chat_fault_of_name(name_of(socket.handshake().auth));
        if (!fault) return std::nullopt;
        return sio::Error{fault, json::object{{"code", "name"}}};
    });
    io.on_connection([chat](sio::Socket socket) { chat->enter(socket); });
    io.on_disconnect([chat](sio::Socket socket, std::string_view) { chat->leave(socket); });
    io.on("message",
          [chat](sio::Socket from, std::string_view text) { return chat->say(from, text); });
    io.on("private", [chat](sio::Socket from, std::string_view to, std::string_view text) {
        return chat->say_to(from, to, text);
    });
    io.on("rename",
          [chat](sio::Socket socket, std::string_view name) { return chat->rename(socket, name); });
    io.on("typing", [chat](sio::Socket from, bool is_typing, std::string_view to) {
        chat->typing(from, is_typing, to);
    });
    return io;
}

}  // namespace starling::app
