// server/node_engine/peer_shares.h: what each client has under way at the node that was asked. A Place
// counts one request or WebSocket, its question and the bytes of its body; it gives all of them back
// when it is destroyed, so an exception in the middle leaves no count raised.
//
// Owner: the PeersPart; its places end before it. Thread: the worker's.
#pragma once

#include <cstddef>
#include <map>
#include <utility>

#include "peer/client_network.h"

namespace starling::server {

class PeerShares {
public:
    struct Share {
        size_t requests = 0;   // And WebSockets.
        size_t questions = 0;  // Without an answer.
        size_t bytes = 0;      // Of bodies that wait for their locks.
    };

private:
    using Shares = std::map<peer::ClientNetwork, Share>;

public:
    class Place {
    public:
        Place() noexcept = default;  // Of no client.
        Place(Place&& from) noexcept
            : shares_(std::exchange(from.shares_, nullptr)),
              at_(from.at_),
              asks_(from.asks_),
              bytes_(from.bytes_) {}
        Place& operator=(Place&& from) noexcept {
            Place moved(std::move(from));
            std::swap(shares_, moved.shares_);
            std::swap(at_, moved.at_);
            std::swap(asks_, moved.asks_);
            std::swap(bytes_, moved.bytes_);
            return *this;
        }
        ~Place() {
            if (!shares_) return;
            question_ended();
            release_body();
            if (--at_->second.requests == 0) shares_->shares_.erase(at_);
        }

        void question_ended() noexcept {
            if (shares_ && std::exchange(asks_, false)) --at_->second.questions;
        }
        void release_body() noexcept {
            if (!shares_) return;
            at_->second.bytes -= bytes_;
            shares_->bytes_ -= std::exchange(bytes_, 0);
        }

    private:
        friend class PeerShares;
        PeerShares* shares_ = nullptr;
        Shares::iterator at_;
        bool asks_ = false;
        size_t bytes_ = 0;
    };

    PeerShares() = default;
    PeerShares(const PeerShares&) = delete;
    PeerShares& operator=(const PeerShares&) = delete;

    // The client asks a question, with a body of so many bytes. Throws std::bad_alloc: nothing is
    // counted.
    [[nodiscard]] Place enter(const peer::ClientNetwork& network, size_t body_bytes) {
        Place place;
        place.at_ = shares_.try_emplace(network).first;
        place.shares_ = this;
        place.asks_ = true;
        place.bytes_ = body_bytes;
        Share& share = place.at_->second;
        ++share.requests;
        ++share.questions;
        share.bytes += body_bytes;
        bytes_ += body_bytes;
        return place;
    }
    [[nodiscard]] Share of(const peer::ClientNetwork& network) const noexcept {
        const auto found = shares_.find(network);
        return found == shares_.end() ? Share() : found->second;
    }
    // Of all clients.
    [[nodiscard]] size_t body_bytes() const noexcept { return bytes_; }
    [[nodiscard]] size_t clients() const noexcept { return shares_.size(); }

private:
    Shares shares_;
    size_t bytes_ = 0;
};

}  // namespace starling::server
