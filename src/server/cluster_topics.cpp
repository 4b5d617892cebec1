#include "server/cluster_topics.h"

#include <string>
#include <utility>

#include "base/text.h"
#include "base/utf8.h"
#include "server/worker.h"

namespace starling::server {

void ClusterTopics::publish(const hub::Message& message) {
    std::string payload;
    payload.reserve(1 + message.bytes.size());
    payload += static_cast<char>(message.binary ? Form::binary : Form::text);
    payload += base::text_of(message.bytes);
    nodes_.publish(Nodes::Kind::topics, {.rooms = {std::string(message.topic)}},
                   std::move(payload));
}

void ClusterTopics::changed(std::string_view topic, int change) noexcept {
    if (change > 0)
        nodes_.joined(Nodes::Kind::topics, topic);
    else
        nodes_.left(Nodes::Kind::topics, topic);
}

void ClusterTopics::count(std::string_view topic, std::function<void(const Nodes::Count&)> done) {
    nodes_.count(Nodes::Kind::topics, topic, std::move(done));
}

void ClusterTopics::on_publication(const Nodes::Incoming& publication) {
    Worker& first = *group_.workers.front();
    constexpr std::string_view malformed = "cluster: a publication to a topic is malformed";
    if (publication.payload.empty()) return refused_.add(first, malformed);
    const auto form = static_cast<Form>(publication.payload.front());
    const std::string_view bytes = publication.payload.substr(1);
    if (form != Form::text && form != Form::binary) {
        if (!other_) return refused_.add(first, malformed);
        return other_->on_publication(publication);
    }
    if (publication.rooms.size() != 1 || (form == Form::text && !base::utf8_is_valid(bytes)))
        return refused_.add(first, malformed);
    const std::string_view topic = publication.rooms.front();
    if (group_.subscriber_counts.count(topic) > 0)
        first.deliver_to_all({topic, base::bytes_of(bytes), form == Form::binary});
}

void ClusterTopics::on_question(const Nodes::Incoming& question) {
    if (other_) return other_->on_question(question);
    nodes_.answer(question.from, question.question, {}, true);
}

}  // namespace starling::server
