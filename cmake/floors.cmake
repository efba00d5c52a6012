set(usual_headers <algorithm> <array> <charconv> <chrono> <cstdint> <cstdlib> <cstring> <expected> <functional> <map>
  <memory> <optional> <span> <string> <string_view> <unordered_map> <utility> <variant> <vector>
  <boost/asio/awaitable.hpp> <boost/asio/basic_stream_socket.hpp> <boost/asio/basic_waitable_timer.hpp>
  <boost/asio/buffer.hpp> <boost/asio/co_spawn.hpp> <boost/asio/io_context.hpp> <boost/asio/ip/tcp.hpp>
  <boost/asio/redirect_error.hpp> <boost/asio/use_awaitable.hpp>)
precompiled(usual_headers LINKS Boost::headers Threads::Threads HEADERS ${usual_headers})
if(AI_PROXY_TESTS)
  precompiled(usual_test_headers LINKS Boost::headers Threads::Threads GTest::gtest GTest::gmock
    HEADERS ${usual_headers} <fstream> <sstream> <thread> <gtest/gtest.h> <gmock/gmock.h>)
endif()

# floor(NAME LINKS library… [EXECUTABLE program]): the folder src/NAME as a library (or a program), and its
# *_test.cpp files as the test program NAME_test. Its *_fuzz.cpp files are programs of their own (fuzz.cmake).
function(floor name)
  cmake_parse_arguments(FLOOR "" "EXECUTABLE" "LINKS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS src/${name}/*.cpp)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  if(AI_PROXY_SANITIZER STREQUAL "thread")
    # Of one thread, and with an operator new of their own where ThreadSanitizer has its own.
    list(FILTER tests EXCLUDE REGEX "want_of_memory_test\\.cpp$")
  endif()
  list(FILTER sources EXCLUDE REGEX "_(test|fuzz)\\.cpp$")

  set(entry "")
  if(FLOOR_EXECUTABLE)
    set(entry ${CMAKE_SOURCE_DIR}/src/${name}/main.cpp)
    list(REMOVE_ITEM sources ${entry})
  endif()
  if(NOT sources)
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE own_code ${FLOOR_LINKS})
  else()
    add_library(${name} STATIC ${sources})
    target_link_libraries(${name} PUBLIC ${FLOOR_LINKS} PRIVATE own_code)
    target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
    use_precompiled(${name} usual_headers)
  endif()
  if(entry AND EXISTS ${entry})
    add_executable(${FLOOR_EXECUTABLE} ${entry})
    target_link_libraries(${FLOOR_EXECUTABLE} PRIVATE ${name} own_code)
  endif()
  if(tests AND AI_PROXY_TESTS AND (NOT AI_PROXY_TEST_FLOORS OR name IN_LIST AI_PROXY_TEST_FLOORS))
    include(GoogleTest)
    add_executable(${name}_test ${tests} ${CMAKE_SOURCE_DIR}/tests/support/no_skip.cpp)
    target_link_libraries(${name}_test PRIVATE ${name} own_code GTest::gtest GTest::gmock GTest::gtest_main)
    target_compile_definitions(${name}_test PRIVATE SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    use_precompiled(${name}_test usual_test_headers)
    gtest_discover_tests(${name}_test PROPERTIES TIMEOUT 300 DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60)
  endif()
  if(AI_PROXY_FUZZERS)
    fuzz_targets(${name})
  endif()
endfunction()
