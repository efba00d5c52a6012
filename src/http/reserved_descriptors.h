// File descriptors kept for the moment when there are no others. One thread.
#pragma once

#include <cstddef>
#include <vector>

namespace ai_proxy::http {

class ReservedDescriptors {
 public:
  explicit ReservedDescriptors(std::size_t wanted);
  ~ReservedDescriptors();
  ReservedDescriptors(const ReservedDescriptors&) = delete;
  ReservedDescriptors& operator=(const ReservedDescriptors&) = delete;

  // Frees one for use. False: none is left.
  bool give();
  void give_all();
  // Takes back what can be had.
  void refill();

 private:
  std::size_t wanted_;
  std::vector<int> held_;
};

}  // namespace ai_proxy::http
