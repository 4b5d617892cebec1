#include "server/figures.h"

#include <utility>

namespace starling::server {

Figures::Value& Figures::value(Kind kind, std::string_view name, std::string_view help,
                               std::string labels) {
    Family& family = families_.try_emplace(name, Family{kind, help}).first->second;
    return family.values[std::move(labels)];
}

void Figures::counter(std::string_view name, std::string_view help, uint64_t number,
                      std::string labels) {
    value(Kind::counter, name, help, std::move(labels)).number += static_cast<double>(number);
}

void Figures::seconds_total(std::string_view name, std::string_view help, double seconds) {
    value(Kind::counter, name, help, {}).number += seconds;
}

void Figures::gauge(std::string_view name, std::string_view help, double number,
                    std::string labels) {
    value(Kind::gauge, name, help, std::move(labels)).number += number;
}

void Figures::durations(std::string_view name, std::string_view help,
                        const base::LogHistogram& durations, std::string labels) {
    value(Kind::histogram, name, help, std::move(labels)).durations.add(durations);
}

void Figures::info(std::string_view name, std::string_view help, std::string labels) {
    value(Kind::info, name, help, std::move(labels)).number = 1;
}

void Figures::add(const Figures& other) {
    for (const auto& [name, family] : other.families_) {
        for (const auto& [labels, theirs] : family.values) {
            Value& mine = value(family.kind, name, family.help, labels);
            mine.number = family.kind == Kind::info ? 1 : mine.number + theirs.number;
            mine.durations.add(theirs.durations);
        }
    }
}

double Figures::sum(std::string_view name) const noexcept {
    const auto found = families_.find(name);
    if (found == families_.end()) return 0;
    double sum = 0;
    for (const auto& [labels, value] : found->second.values) sum += value.number;
    return sum;
}

std::string label(std::string_view name, std::string_view value) {
    std::string text(name);
    text += "=\"";
    for (const char c : value) {
        if (c == '\n') {
            text += "\\n";
            continue;
        }
        if (c == '"' || c == '\\') text += '\\';
        text += c;
    }
    text += '"';
    return text;
}

}  // namespace starling::server
