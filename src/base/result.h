// base/result.h: the result of a function that can fail: a value, or the reason why there is none.
//
//     base::Result<Config> read(const std::string& path) {
//         if (...) return base::Failure("cannot read '" + path + "'");
//         return config;
//     }
//     auto config = read(path);
//     if (!config) return tell(config.error());
//     use(*config);
//
// If a caller must distinguish faults, `Error` is an enum or a struct. A bug of this program is an
// assertion, not a Result. Thread: as any value.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "base/assert.h"

namespace starling::base {

template <class Error>
struct Failure {
    explicit Failure(Error why) : error(std::move(why)) {}
    Error error;
};
Failure(const char*)->Failure<std::string>;

template <class Value, class Error = std::string>
class [[nodiscard]] Result {
public:
    Result(Value value) : held_(std::in_place_index<0>, std::move(value)) {}
    Result(Failure<Error> failure) : held_(std::in_place_index<1>, std::move(failure.error)) {}

    [[nodiscard]] explicit operator bool() const noexcept { return held_.index() == 0; }
    // Only for a success.
    [[nodiscard]] Value& operator*() & noexcept { return value(); }
    [[nodiscard]] const Value& operator*() const& noexcept {
        return const_cast<Result*>(this)->value();
    }
    [[nodiscard]] Value&& operator*() && noexcept { return std::move(value()); }
    [[nodiscard]] Value* operator->() noexcept { return &value(); }
    [[nodiscard]] const Value* operator->() const noexcept { return &**this; }
    // Only for a failure.
    [[nodiscard]] const Error& error() const noexcept {
        const Error* const error = std::get_if<1>(&held_);
        STARLING_ASSERT(error && "a Result that succeeded has no error");
        return *error;
    }

private:
    Value& value() noexcept {
        Value* const value = std::get_if<0>(&held_);
        STARLING_ASSERT(value && "a Result that failed has no value");
        return *value;
    }

    std::variant<Value, Error> held_;
};

// For a function without a value. `base::Result<void> r = {};` is a success.
template <class Error>
class [[nodiscard]] Result<void, Error> {
public:
    Result() = default;
    Result(Failure<Error> failure) : held_(std::in_place_index<1>, std::move(failure.error)) {}

    [[nodiscard]] explicit operator bool() const noexcept { return held_.index() == 0; }
    [[nodiscard]] const Error& error() const noexcept {
        const Error* const error = std::get_if<1>(&held_);
        STARLING_ASSERT(error && "a Result that succeeded has no error");
        return *error;
    }

private:
    std::variant<std::monostate, Error> held_;
};

}  // namespace starling::base
