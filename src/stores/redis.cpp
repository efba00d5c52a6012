// The face of the Redis connection; its inside is RedisLink.
#include "stores/redis.h"

#include "stores/redis_link.h"

namespace ai_proxy::stores {

struct Redis::Impl : RedisLink {
  using RedisLink::RedisLink;
};

Redis::Redis(http::asio::io_context& io, RedisOptions options)
    : impl_(std::make_shared<Impl>(io, std::move(options))) {
  impl_->start();
}

Redis::~Redis() {
  impl_->stop();
}

http::Task<Result<std::optional<std::string>>> Redis::get(std::string_view key) {
  const std::shared_ptr<Impl> impl = impl_;  // may outlive this object while it waits
  co_return co_await impl->get(key);
}

void Redis::set(std::string_view key, std::string_view value, std::chrono::seconds ttl) {
  impl_->set(key, value, ttl);
}

bool Redis::breaker_open() const {
  return impl_->breaker_open();
}

}  // namespace ai_proxy::stores
