// <starling/socketio_handler.h>: turns a lambda into the handler of a Socket.IO event. The lambda's
// parameters select the arguments; its return value is the ack. The ack of a coroutine is the value
// that it returns at its end. Included by <starling/socketio.h>.
//     socket.on("sum", [](int a, int b) { return a + b; });
//     socket.on("private message", [&io](sio::Socket from, std::string to, std::string s) { ... });
//
// Parameters, in the order of the arguments: bool, integers, floating point, std::string,
// std::string_view, sio::Json, boost::json::array and object, sio::Binary, std::vector of these,
// std::map of these with text keys, types that Boost.JSON's value_to() makes by a tag_invoke, and
// std::optional of these for arguments that may be missing. A parameter sio::Socket is the sending
// socket; a parameter sio::Ack answers later. Neither consumes an argument. std::span<const
// sio::Json> takes all remaining arguments. Further arguments are ignored, as in JavaScript.
//
// A std::string_view and a span are valid until the handler returns, or its coroutine ends. Every
// Json given to a handler owns its memory: a copy may be kept for any time, on any thread.
#pragma once

#include <starling/async.h>
#include <starling/socketio_emit.h>
#include <starling/socketio_value.h>

#include <boost/json/array.hpp>
#include <boost/json/storage_ptr.hpp>
#include <boost/json/value_to.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace starling::sio {

class Ack;
class Socket;

namespace detail {

struct Event {
    const Socket& socket;
    std::string_view name;
    // The arguments are valid until the call returns: the next packet may reuse their memory. A
    // plain copy of a Json uses the memory resource of its source, so applications get copies made
    // by own().
    std::span<const Json> args;
    const Ack& ack;  // A null Ack if the client asked for no ack.
};

// Why a handler was not called: argument `index`, counted from 1, is not `expected`. Index 0: the
// handler was called.
struct ArgumentMismatch {
    size_t index = 0;
    const char* expected = nullptr;
};

// A deep copy in the default memory resource. `Json(from)` would use the memory resource of `from`.
inline Json own(const Json& from) { return Json(from, boost::json::storage_ptr()); }

// Reads an argument for a parameter of type T (null: the argument is missing), and keeps the result
// until the call. Boost.JSON values are copied into the default memory resource.
template <class T>
struct Parameter;

template <class T>
using ParameterOf = Parameter<std::remove_cvref_t<T>>;

template <>
struct Parameter<bool> {
    static constexpr const char* expected = "a boolean";
    static bool read(const Json* from, bool& to) noexcept {
        if (!from || !from->is_bool()) return false;
        to = from->get_bool();
        return true;
    }
};

template <std::integral T>
struct Parameter<T> {
    static constexpr const char* expected = "an integer";
    static bool read(const Json* from, T& to) noexcept {
        if (!from) return false;
        if (const int64_t* number = from->if_int64()) return fit(*number, to);
        if (const uint64_t* number = from->if_uint64()) return fit(*number, to);
        const double* number = from->if_double();
        // 2^63 is the smallest number that does not fit; a double represents 2^63 exactly.
        if (!number || std::trunc(*number) != *number || std::abs(*number) >= 9223372036854775808.0)
            return false;
        return fit(static_cast<int64_t>(*number), to);
    }

private:
    template <class Number>
    static bool fit(Number number, T& to) noexcept {
        if (!std::in_range<T>(number)) return false;
        to = T(number);
        return true;
    }
};

template <std::floating_point T>
struct Parameter<T> {
    static constexpr const char* expected = "a number";
    static bool read(const Json* from, T& to) noexcept {
        if (!from || !from->is_number()) return false;
        if (const double* number = from->if_double()) to = T(*number);
        if (const int64_t* number = from->if_int64()) to = T(*number);
        if (const uint64_t* number = from->if_uint64()) to = T(*number);
        return true;
    }
};

template <>
struct Parameter<std::string_view> {
    static constexpr const char* expected = "a string";
    static bool read(const Json* from, std::string_view& to) noexcept {
        const auto* text = from ? from->if_string() : nullptr;
        if (!text) return false;
        to = std::string_view(text->data(), text->size());
        return true;
    }
};

template <>
struct Parameter<std::string> {
    static constexpr const char* expected = "a string";
    static bool read(const Json* from, std::string& to) {
        std::string_view text;
        if (!Parameter<std::string_view>::read(from, text)) return false;
        to = text;
        return true;
    }
};

template <>
struct Parameter<Binary> {
    static constexpr const char* expected = "binary";
    static bool read(const Json* from, Binary& to) {
        const auto bytes = from ? Binary::view(*from) : std::nullopt;
        if (!bytes) return false;
        to = Binary(std::string(*bytes));
        return true;
    }
};

template <>
struct Parameter<Json> {  // Takes any value; missing: null.
    static constexpr const char* expected = "a value";
    static bool read(const Json* from, Json& to) {
        if (from) to = *from;
        return true;
    }
};

template <>
struct Parameter<boost::json::array> {
    static constexpr const char* expected = "an array";
    static bool read(const Json* from, boost::json::array& to) {
        if (!from || !from->is_array()) return false;
        to = from->get_array();
        return true;
    }
};

template <>
struct Parameter<boost::json::object> {
    static constexpr const char* expected = "an object";
    static bool read(const Json* from, boost::json::object& to) {
        if (!from || !from->is_object() || Binary::view(*from)) return false;
        to = from->get_object();
        return true;
    }
};

template <class T>
struct Parameter<std::optional<T>> {  // Missing or null: nothing.
    static constexpr const char* expected = Parameter<T>::expected;
    static bool read(const Json* from, std::optional<T>& to) {
        if (!from || from->is_null()) return true;
        return Parameter<T>::read(from, to.emplace());
    }
};

template <class T>
struct Parameter<std::vector<T>> {
    static constexpr const char* expected = "an array of such values";
    static bool read(const Json* from, std::vector<T>& to) {
        const auto* array = from ? from->if_array() : nullptr;
        if (!array) return false;
        to.reserve(array->size());
        for (const Json& item : *array) {
            T value{};
            if (!Parameter<T>::read(&item, value)) return false;
            to.push_back(std::move(value));
        }
        return true;
    }
};

// An object whose member values are all T.
template <class T>
requires TextMap<T> && std::constructible_from<typename T::key_type, std::string> && requires {
    Parameter<typename T::mapped_type>::expected;
}
struct Parameter<T> {
    static constexpr const char* expected = "an object of such values";
    static bool read(const Json* from, T& to) {
        const auto* object = from && !Binary::view(*from) ? from->if_object() : nullptr;
        if (!object) return false;
        for (const auto& member : *object) {
            typename T::mapped_type value{};
            if (!Parameter<typename T::mapped_type>::read(&member.value(), value)) return false;
            const auto key = member.key();
            to.emplace(typename T::key_type(std::string(key.data(), key.size())), std::move(value));
        }
        return true;
    }
};

// A type that Boost.JSON's value_to() makes, for example by a tag_invoke of the application. If
// that conversion throws, the argument does not fit.
template <class T>
concept ByValueTo =
    (std::is_class_v<T> || std::is_enum_v<T>)&&!TextMap<T> && std::is_default_constructible_v<T> &&
    std::is_move_assignable_v<T> && boost::json::has_value_to<T>::value;
template <ByValueTo T>
struct Parameter<T> {
    static constexpr const char* expected = "a value of the handler's type";
    static bool read(const Json* from, T& to) {
        if (!from) return false;
        try {
            to = boost::json::value_to<T>(own(*from));
            return true;
        } catch (const std::exception&) {
            return false;
        }
    }
};

template <class P>
constexpr bool takes_argument =
    !std::same_as<std::remove_cvref_t<P>, Socket> && !std::same_as<std::remove_cvref_t<P>, Ack>;

template <class P>
constexpr bool takes_rest = std::same_as<std::remove_cvref_t<P>, std::span<const Json>>;

template <class T>
constexpr bool readable = requires {
    Parameter<T>::expected;
};
template <class T>
constexpr bool readable<std::optional<T>> = readable<T>;
template <class T>
constexpr bool readable<std::vector<T>> = readable<T>;

// Gives one readable compiler message for an unsupported parameter type.
template <class P>
consteval bool check_parameter() {
    using T = std::remove_cvref_t<P>;
    constexpr bool known = !takes_argument<P> || takes_rest<P> || readable<T>;
    constexpr bool changeable =
        std::is_lvalue_reference_v<P> && !std::is_const_v<std::remove_reference_t<P>>;
    static_assert(known,
                  "a handler of Socket.IO cannot take this parameter: take bool, a number, "
                  "std::string, std::string_view, sio::Json, boost::json::array or object, "
                  "sio::Binary, std::vector, std::map or std::optional of these, a type with a "
                  "tag_invoke for boost::json::value_to_tag and a default constructor, "
                  "std::span<const sio::Json>, sio::Socket or sio::Ack");
    static_assert(!changeable,
                  "a handler of Socket.IO takes its parameters by value or const reference");
    return known && !changeable;
}

// std::span<const Json> takes all remaining arguments: no parameter with an argument may follow it.
template <class... P>
consteval bool rest_is_last() {
    if constexpr (sizeof...(P) > 0) {
        bool rest = false, last = true;
        (((last = last && !(rest && takes_argument<P>)), (rest = rest || takes_rest<P>)), ...);
        return last;
    }
    return true;
}

// Reads the arguments in order; remembers the first argument that does not fit.
class Reader {
public:
    explicit Reader(std::span<const Json> args) noexcept : args_(args) {}

    template <class P>
    auto read() {
        if constexpr (!takes_argument<P>) {
            return nullptr;
        } else if constexpr (takes_rest<P>) {
            std::vector<Json> rest;
            for (const Json* from = next(); from; from = next()) rest.push_back(own(*from));
            return rest;
        } else {
            std::remove_cvref_t<P> value{};
            if (!ParameterOf<P>::read(next(), value) && misfit_.index == 0)
                misfit_ = {index_, ParameterOf<P>::expected};
            return value;
        }
    }
    [[nodiscard]] ArgumentMismatch argument_mismatch() const noexcept { return misfit_; }

private:
    const Json* next() noexcept {
        const size_t at = index_++;
        return at < args_.size() ? &args_[at] : nullptr;
    }

    std::span<const Json> args_;
    size_t index_ = 0;
    ArgumentMismatch misfit_;
};

template <class P, class Stored>
decltype(auto) pass(const Event& event, Stored& stored) {
    if constexpr (std::same_as<std::remove_cvref_t<P>, Socket>)
        return (event.socket);
    else if constexpr (std::same_as<std::remove_cvref_t<P>, Ack>)
        return (event.ack);
    else if constexpr (takes_rest<P>)
        return std::span<const Json>(stored);
    else
        return std::move(stored);
}

template <class A>
void answer(const Event& event, A&& value);  // Sends the ack, if the client asked for one.

// A handler that is a coroutine, in <starling/socketio_async.h>.
template <class H, class... P>
ArgumentMismatch call_coroutine(const std::shared_ptr<H>& handler, const Event& event);
// The callable's captures live as long as the coroutine, even if the listener is removed meanwhile.
template <class H>
struct CoroutineHandler {
    std::shared_ptr<H> handler;
};

// Parameter and return types of a callable.
template <class F>
struct Signature : Signature<decltype(&F::operator())> {};
template <class R, class... P>
struct Signature<R (*)(P...)> {
    static constexpr bool is_coroutine = starling::detail::is_task<R>;
    template <class H>
    static ArgumentMismatch start(const std::shared_ptr<H>& handler, const Event& event) {
        return call_coroutine<H, P...>(handler, event);
    }
    static consteval bool check() {
        static_assert(rest_is_last<P...>(),
                      "std::span<const sio::Json> takes all arguments that are left: put it last");
        return (check_parameter<P>() && ... && rest_is_last<P...>());
    }
    template <class F>
    static ArgumentMismatch call(F& handler, const Event& event) {
        const auto run = [&](auto&... each) -> ArgumentMismatch {
            if constexpr (std::is_void_v<R>)
                handler(pass<P>(event, each)...);
            else
                answer(event, handler(pass<P>(event, each)...));
            return {};
        };
        if constexpr (sizeof...(P) == 0) {
            return run();
        } else {
            Reader reader(event.args);
            std::tuple<decltype(std::declval<Reader&>().template read<P>())...> stored{
                // Braces: read from left to right.
                reader.template read<P>()...};
            if (const auto misfit = reader.argument_mismatch(); misfit.index) return misfit;
            return std::apply(run, stored);
        }
    }
};
template <class R, class... P>
struct Signature<R (*)(P...) noexcept> : Signature<R (*)(P...)> {};
template <class F, class R, class... P>
struct Signature<R (F::*)(P...)> : Signature<R (*)(P...)> {};
template <class F, class R, class... P>
struct Signature<R (F::*)(P...) const> : Signature<R (*)(P...)> {};
template <class F, class R, class... P>
struct Signature<R (F::*)(P...) noexcept> : Signature<R (*)(P...)> {};
template <class F, class R, class... P>
struct Signature<R (F::*)(P...) const noexcept> : Signature<R (*)(P...)> {};
template <class H>
struct Signature<CoroutineHandler<H>> {
    static ArgumentMismatch call(const CoroutineHandler<H>& coroutine, const Event& event) {
        return Signature<H>::start(coroutine.handler, event);
    }
};

}  // namespace detail
}  // namespace starling::sio
