// server/figures.h: the figures of a server at one moment, for people and for Prometheus. Each
// worker fills a Figures of its own on its own thread; add() sums them. Counting itself happens
// elsewhere, in plain counters (server/counters.h): a Figures is made only when somebody asks.
//
// Names follow the conventions of Prometheus (https://prometheus.io/docs/practices/naming/): a
// counter ends in _total, a unit is in the name, seconds and bytes are the units.
//
// Owner: the code that asks. Thread: the owner's.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/log_histogram.h"

namespace starling::server {

class Figures {
public:
    enum class Kind : uint8_t { counter, gauge, histogram, info };
    struct Value {
        double number = 0;
        base::LogHistogram durations = {};  // Of a histogram.
    };
    struct Family {
        Kind kind;
        std::string_view help;
        std::map<std::string, Value> values = {};  // By their labels: `kind="topic",worker="0"`.
    };

    // `name` and `help` live for ever. A second value with the same labels is added to the first.
    void counter(std::string_view name, std::string_view help, uint64_t value,
                 std::string labels = {});
    void seconds_total(std::string_view name, std::string_view help, double seconds);
    void gauge(std::string_view name, std::string_view help, double value, std::string labels = {});
    void durations(std::string_view name, std::string_view help, const base::LogHistogram& value,
                   std::string labels = {});
    // A constant 1 whose labels are the information.
    void info(std::string_view name, std::string_view help, std::string labels);
    void add(const Figures& other);

    [[nodiscard]] const std::map<std::string_view, Family>& families() const noexcept {
        return families_;
    }
    // Over all labels of the family; 0: there is no such family.
    [[nodiscard]] double sum(std::string_view name) const noexcept;

private:
    Value& value(Kind kind, std::string_view name, std::string_view help, std::string labels);

    std::map<std::string_view, Family> families_;
};

// Families to which several parts of a server add values.
inline constexpr std::string_view publications_help = "Messages published to many, by kind";
inline constexpr std::string_view deliveries_help =
    "Publications taken by the queue of a connection, by kind";
inline constexpr std::string_view drops_help = "Messages that were dropped, by reason";

// `name="value"`, with the value escaped as the text format of Prometheus wants it.
[[nodiscard]] std::string label(std::string_view name, std::string_view value);

}  // namespace starling::server
