// webhook/backlog.h: the part of a Delivery that exists only while webhooks wait: the messages, and
// the times of the first one.
//
// Owner: its Delivery. Thread: the owner's.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/intrusive_list.h"
#include "webhook/budget.h"

namespace starling::webhook {

class Delivery;

// The ListLink is in the list of Deliveries once the client is gone.
class Backlog : public base::ListLink {
public:
    Backlog(Delivery& delivery, Budget& budget) noexcept : owner(delivery), budget_(budget) {}
    ~Backlog() {
        while (messages_ > 0) pop();
        set_open({});
        budget_.give_back(kept_bytes_);
    }

    // What the owner keeps beside the messages once the client is gone.
    void keep(size_t bytes) noexcept {
        budget_.take(bytes);
        kept_bytes_ += bytes;
    }

    // The data of the open webhook.
    void set_open(std::string data) noexcept {
        budget_.give_back(open_data_.size());
        open_data_ = std::move(data);
        budget_.take(open_data_.size());
    }
    [[nodiscard]] std::string_view open_data() const noexcept { return open_data_; }

    void push(std::string data, std::optional<uint64_t> ack_id, bool is_ack) {
        auto added = std::make_unique<Message>(
            Message{std::move(data), ack_id.value_or(no_ack_id), is_ack, nullptr});
        Message* const last = added.get();
        budget_.take(cost(*last));
        bytes_ += last->data.size();
        ++messages_;
        (last_ ? last_->next : first_) = std::move(added);
        last_ = last;
    }

    // Not for an empty Backlog.
    [[nodiscard]] std::string_view front() const noexcept {
        assert(messages_ > 0);
        return first_->data;
    }
    [[nodiscard]] std::optional<uint64_t> front_ack_id() const noexcept {
        assert(messages_ > 0);
        if (first_->ack_id == no_ack_id) return std::nullopt;
        return first_->ack_id;
    }
    // The client's answer to an event, and no message.
    [[nodiscard]] bool front_is_ack() const noexcept {
        assert(messages_ > 0);
        return first_->is_ack;
    }
    void pop() noexcept {
        assert(messages_ > 0);
        budget_.give_back(cost(*first_));
        bytes_ -= first_->data.size();
        --messages_;
        first_ = std::move(first_->next);
        if (!first_) last_ = nullptr;
    }

    [[nodiscard]] size_t messages() const noexcept { return messages_; }
    [[nodiscard]] size_t bytes() const noexcept { return bytes_; }

    Delivery& owner;
    // These belong to the first webhook.
    uint64_t first_try_ms = 0;
    uint64_t next_try_ms = 0;
    uint32_t tries = 0;    // Failed tries.
    bool cut_off = false;  // A try was repeated although the application may have seen it.

private:
    static constexpr uint64_t no_ack_id = UINT64_MAX;

    struct Message {
        std::string data;
        uint64_t ack_id;
        bool is_ack;
        std::unique_ptr<Message> next;
    };

    // Includes the overhead of small messages: without it a flood of empty ones would cost nothing.
    static size_t cost(const Message& message) noexcept {
        return sizeof(Message) + message.data.size();
    }

    Budget& budget_;
    std::string open_data_;
    std::unique_ptr<Message> first_;
    Message* last_ = nullptr;
    size_t messages_ = 0;
    size_t bytes_ = 0;
    size_t kept_bytes_ = 0;
};

}  // namespace starling::webhook
