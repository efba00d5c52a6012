# Which compilers may build us, and with which warnings and hardening.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  message(FATAL_ERROR
    "GCC ${CMAKE_CXX_COMPILER_VERSION} frees temporaries twice in co_await expressions and would build a broken "
    "program. Use clang 19 (the default: apt-get install clang-19 lld-19) or GCC 13 or newer.")
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  message(FATAL_ERROR "clang ${CMAKE_CXX_COMPILER_VERSION} is too old: std::expected needs clang 19 or newer.")
endif()

# Own code is built with these; libraries come in as SYSTEM headers and are not judged.
add_library(own_code INTERFACE)
target_compile_options(own_code INTERFACE -Wall -Wextra -Wconversion -Wshadow -Wnon-virtual-dtor -Werror)
target_include_directories(own_code INTERFACE ${CMAKE_SOURCE_DIR}/src)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False alarms inside coroutine frames and std::variant (GCC bugs 105562, 107850).
  target_compile_options(own_code INTERFACE -Wno-maybe-uninitialized -Wno-mismatched-new-delete)
else()
  add_link_options(-fuse-ld=lld)
endif()

set(AI_PROXY_SANITIZER "" CACHE STRING "address,undefined or thread; empty for none")
if(AI_PROXY_SANITIZER)
  add_compile_options(-fsanitize=${AI_PROXY_SANITIZER} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${AI_PROXY_SANITIZER})
  add_compile_definitions(AI_PROXY_SANITIZED)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    add_compile_options(-fsanitize-ignorelist=${CMAKE_SOURCE_DIR}/cmake/sanitizer_ignore.txt)
  endif()
else()
  add_compile_options(-fstack-protector-strong -fPIE)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    add_compile_options(-fcf-protection)
  endif()
  add_link_options(-pie -Wl,-z,relro,-z,now)
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  endif()
endif()

# What runs how often was noted once (./dev bench profile); clang lays the program out by it, and a tenth of the work of a
# request is saved. A function that was changed since, and all others, are compiled as without. Functions of one file are
# told by its name alone, for checkouts stand anywhere.
set(AI_PROXY_PROFILE "use" CACHE STRING "release.profdata: use, record (build/profile), or off")
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT AI_PROXY_SANITIZER)
  if(AI_PROXY_PROFILE STREQUAL "record")
    add_compile_options(-fprofile-generate -fprofile-update=atomic -mllvm -static-func-full-module-prefix=false)
    add_link_options(-fprofile-generate)
  elseif(AI_PROXY_PROFILE STREQUAL "use")
    set(profile ${CMAKE_SOURCE_DIR}/cmake/release.profdata)
    # Noted anew, it is another compilation of every file. (By a relative path: a compiler cache may serve several checkouts.)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${profile})
    file(SHA256 ${profile} noted)
    string(SUBSTRING ${noted} 0 8 noted)
    add_compile_definitions(AI_PROXY_PROFILE_NOTED=0x${noted})
    file(RELATIVE_PATH profile ${CMAKE_BINARY_DIR} ${profile})
    add_compile_options(-fprofile-use=${profile} -mllvm -static-func-full-module-prefix=false
      -Wno-profile-instr-unprofiled -Wno-profile-instr-out-of-date -Wno-backend-plugin)
  endif()
endif()
add_compile_definitions(_GLIBCXX_ASSERTIONS)
# Memory comes from operator new: Asio's own way, aligned allocation, is several times as slow, and nothing of ours is aligned
# beyond what operator new gives. Coroutine frames are not kept for the next ones: malloc finds one of the right size sooner
# than Asio does, and where a sanitizer looks on, a kept frame would hide a use after free.
add_compile_definitions(BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING BOOST_ASIO_DISABLE_STD_ALIGNED_ALLOC
  BOOST_ASIO_DISABLE_BOOST_ALIGN)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

# precompiled(NAME LINKS library… HEADERS header…): what nearly every file reads is read once, which halves the time of
# a build. Others' headers only: no change of ours builds everything anew. GCC reads them each time, and so tells where
# an include is missing.
function(precompiled name)
  cmake_parse_arguments(SET "" "" "LINKS;HEADERS" ${ARGN})
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    return()
  endif()
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/precompiled/${name}.cpp CONTENT "")
  add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/precompiled/${name}.cpp)
  target_link_libraries(${name} PRIVATE own_code ${SET_LINKS})
  target_compile_options(${name} PUBLIC "SHELL:-Xclang -fno-pch-timestamp")
  target_precompile_headers(${name} PRIVATE ${SET_HEADERS})
endfunction()
function(use_precompiled target name)
  if(TARGET ${name})
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
    target_precompile_headers(${target} REUSE_FROM ${name})
  endif()
endfunction()
