// <starling/socketio_emit.h>: the values that an application sends, as arguments of an event or as
// an ack. Included by <starling/socketio.h>.
//
//     socket.emit("news", "text", 42, true, nullptr, sio::Json(...), sio::Binary(...));
//     socket.emit("numbers", std::vector{1, 2});
#pragma once

#include <starling/socketio_value.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value_from.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace starling::sio {

// A view of one argument of a sent event. The view is valid until the call returns.
class Value {
public:
    enum class Kind : uint8_t { null, boolean, int64, uint64, real, text, bytes, json };

    Value(std::nullptr_t) noexcept {}
    Value(bool value) noexcept : kind_(Kind::boolean), boolean_(value) {}
    template <std::signed_integral T>
    requires(!std::same_as<T, bool>) Value(T value)
    noexcept : kind_(Kind::int64), int64_(value) {}
    template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>) Value(T value)
    noexcept : kind_(Kind::uint64), uint64_(value) {}
    template <std::floating_point T>
    Value(T value) noexcept : kind_(Kind::real), real_(double(value)) {}
    Value(std::string_view text) noexcept : kind_(Kind::text), text_(text) {}
    Value(const std::string& text) noexcept : Value(std::string_view(text)) {}
    Value(const char* text) noexcept : Value(std::string_view(text)) {}
    Value(const boost::json::string& text) noexcept
        : Value(std::string_view(text.data(), text.size())) {}
    Value(const Binary& bytes) noexcept : kind_(Kind::bytes), text_(bytes.text()) {}
    Value(std::span<const std::byte> bytes) noexcept
        : kind_(Kind::bytes), text_(reinterpret_cast<const char*>(bytes.data()), bytes.size()) {}
    Value(const Json& json) noexcept : kind_(Kind::json), json_(&json) {}

    [[nodiscard]] Kind kind() const noexcept { return kind_; }
    [[nodiscard]] bool boolean() const noexcept { return boolean_; }
    [[nodiscard]] int64_t int64() const noexcept { return int64_; }
    [[nodiscard]] uint64_t uint64() const noexcept { return uint64_; }
    [[nodiscard]] double real() const noexcept { return real_; }
    [[nodiscard]] std::string_view text() const noexcept {
        return text_;
    }  // The text or the bytes.
    [[nodiscard]] const Json& json() const noexcept { return *json_; }

private:
    Kind kind_ = Kind::null;
    union {
        bool boolean_;
        int64_t int64_ = 0;
        uint64_t uint64_;
        double real_;
        const Json* json_;
    };
    std::string_view text_;
};

namespace detail {

// Types that a Value can view directly. Other types are converted to a Json first: enums (to
// numbers), std::optional, containers, and types that Boost.JSON's value_from() converts, for
// example by a tag_invoke of the application.
template <class T>
concept Viewable = std::is_arithmetic_v<T> || std::same_as<T, std::nullptr_t> ||
    std::same_as<T, Json> || std::same_as<T, Binary> || std::same_as<T, boost::json::string> ||
    std::convertible_to<const T&, std::string_view> ||
    std::convertible_to<const T&, std::span<const std::byte>>;

template <class T>
Json to_json(const T& value);

template <class T>
decltype(auto) hold(const T& value) {
    if constexpr (std::is_enum_v<T>)
        return int64_t(value);
    else if constexpr (Viewable<T>)
        return static_cast<const T&>(value);
    else
        return to_json(value);
}

// A function, or a class with exactly one operator() that is no template.
template <class F>
concept Callable = std::is_function_v<std::remove_pointer_t<F>> || requires {
    typename std::type_identity_t<decltype(&F::operator())>;
};

// std::map and similar types with text keys.
template <class T>
concept TextMap = requires {
    typename T::key_type;
    typename T::mapped_type;
}
&&std::convertible_to<const typename T::key_type&, std::string_view>;

template <class T>
struct JsonOf {
    static Json make(const T& value) {
        if constexpr (std::is_enum_v<T>) {
            return Json(int64_t(value));
        } else if constexpr (std::is_constructible_v<Json, const T&>) {
            return Json(value);
        } else if constexpr (TextMap<T>) {
            boost::json::object object;
            for (const auto& [name, item] : value)
                object.emplace(std::string_view(name), to_json(item));
            return object;
        } else if constexpr (boost::json::has_value_from<T>::value) {
            return boost::json::value_from(value);
        } else if constexpr (Callable<T>) {  // Excludes implicit conversions.
            static_assert(!Callable<T>,
                          "no such callback here: it is the last argument of emit_with_ack() and "
                          "takes a const sio::Answer& (of a broadcast, a const sio::Answers&)");
            return {};
        } else {
            static_assert(Callable<T>,
                          "Socket.IO cannot send a value of this type: convert it to sio::Json, or "
                          "give it a tag_invoke for boost::json::value_from_tag");
            return {};
        }
    }
};
template <class T>
struct JsonOf<std::optional<T>> {
    static Json make(const std::optional<T>& value) { return value ? to_json(*value) : Json(); }
};
template <class T>
struct JsonOf<std::vector<T>> {
    static Json make(const std::vector<T>& values) {
        boost::json::array array;
        array.reserve(values.size());
        for (const auto& value : values) array.push_back(to_json(T(value)));
        return array;
    }
};

template <class T>
Json to_json(const T& value) {
    if constexpr (std::convertible_to<const T&, std::string_view>)
        return Json(std::string_view(value));
    else
        return JsonOf<T>::make(value);
}

// Calls `use` with a span of the arguments as Values.
template <class Use, class... Args>
decltype(auto) with_values(Use&& use, const Args&... args) {
    return [&use](const auto&... held) -> decltype(auto) {
        const std::array<Value, sizeof...(held)> values{Value(held)...};
        return use(std::span<const Value>(values.data(), values.size()));
    }(hold(args)...);
}

// The same for a container of arguments.
template <class Use>
decltype(auto) with_list(Use&& use, std::span<const Json> args) {
    const std::vector<Value> values(args.begin(), args.end());
    return use(std::span<const Value>(values));
}

}  // namespace detail
}  // namespace starling::sio
