// <starling/socketio_async.h>: coroutines as handlers of Socket.IO. Included by
// <starling/socketio.h>.
//
//     socket.on("order", [&](sio::Socket socket, std::string item) -> starling::Task<std::string> {
//         const sio::Answer sure = co_await socket.emit_with_ack("sure?", item);
//         co_return sure ? "ordered" : "gave up";  // The ack.
//     });
#pragma once

#include <starling/async_callback.h>
#include <starling/socketio_socket.h>

#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace starling {
namespace detail {

struct SioHome {
    static constexpr bool exists = true;
    // The coroutine ends with the socket. For an event of another worker there is no socket: it
    // ends with the worker.
    static void keep(const sio::Socket& socket, const std::shared_ptr<Coroutine>& coroutine);
    static void failed(const sio::Socket& socket, std::string_view event,
                       const std::exception_ptr& error);
};
// Handlers of a namespace: on_connection(), on_disconnect().
template <class... Rest>
struct Home<sio::Socket, Rest...> : SioHome {
    template <class... All>
    static void ended_at_once(const All&...) noexcept {}
    template <class... Others>
    static void suspended(const std::shared_ptr<Coroutine>& coroutine,
                          const Kept<sio::Socket>& socket, const Others&...) {
        keep(socket.value, coroutine);
    }
    template <class... Others>
    static void ended(const std::exception_ptr& error, const Kept<sio::Socket>& socket,
                      const Others&...) {
        if (error) failed(socket.value, "coroutine", error);
    }
};

// on_disconnect(): its socket is gone, so the coroutine belongs to the worker.
template <>
struct Home<sio::Socket, std::string_view> : Home<sio::Socket> {
    template <class... Others>
    static void suspended(const std::shared_ptr<Coroutine>& coroutine, const Others&...) {
        Home<>::suspended(coroutine);
    }
};

}  // namespace detail

namespace sio::detail {

// An event whose handler is a coroutine. It owns the objects that the handler's parameters refer
// to.
template <class H, class... P>
struct EventCall {
    EventCall(std::shared_ptr<H> h, const Event& event)
        : handler(std::move(h)),
          socket(event.socket),
          ack(event.ack),
          name(event.name),
          args(copy(event.args)),
          own_event{socket, name, args, ack},
          reader(args),
          stored{reader.template read<P>()...} {}

    // Copies the arguments out of the memory of the packet, which the next packet may reuse.
    static std::vector<Json> copy(std::span<const Json> args) {
        std::vector<Json> copies;
        copies.reserve(args.size());
        for (const Json& arg : args) copies.push_back(own(arg));
        return copies;
    }
    auto call() {
        return std::apply([this](auto&... each) { return (*handler)(pass<P>(own_event, each)...); },
                          stored);
    }

    const std::shared_ptr<H> handler;
    const Socket socket;
    const Ack ack;
    const std::string name;
    const std::vector<Json> args;
    const Event own_event;
    Reader reader;
    // Initialized with braces, which read the arguments from left to right.
    std::tuple<decltype(std::declval<Reader&>().template read<P>())...> stored;
};

inline Task<> answer_when_done(Task<> task, const Ack&) { return task; }
template <class T>
Task<> answer_when_done(Task<T> task, const Ack& ack) {
    T result = co_await std::move(task);
    if (ack) ack(result);
}

template <class H, class... P>
ArgumentMismatch call_coroutine(const std::shared_ptr<H>& handler, const Event& event) {
    using starling::detail::Coroutine;
    using starling::detail::SioHome;
    const auto call = std::make_shared<EventCall<H, P...>>(handler, event);
    if (const auto mismatch = call->reader.argument_mismatch(); mismatch.index) return mismatch;
    const auto coroutine = std::make_shared<Coroutine>(
        answer_when_done(call->call(), call->ack), [call](const std::exception_ptr& error) {
            if (error) SioHome::failed(call->socket, call->name, error);
        });
    if (coroutine->start()) return {};
    // No client can send these names. The socket is leaving, so the coroutine belongs to the
    // worker.
    if (call->name == "disconnecting" || call->name == "disconnect")
        starling::detail::Home<>::suspended(coroutine);
    else
        SioHome::keep(call->socket, coroutine);
    return {};
}

}  // namespace sio::detail

template <class F>
requires std::is_invocable_v < std::decay_t<F>
& > bool sio::Socket::post(F&& call) const {
    return post(Callback<void(Socket)>(
        [call = std::forward<F>(call)](const Socket&) mutable { return call(); }));
}

}  // namespace starling
