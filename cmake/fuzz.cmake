# Every src/FLOOR/**/NAME_fuzz.cpp is a libFuzzer program NAME_fuzz, linked to its floor; `fuzzers` builds them all.
# docs/fuzzing.md tells what each checks. Included before the floors: they are built to be watched, too.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  message(FATAL_ERROR "libFuzzer comes with clang: AI_PROXY_FUZZERS needs it.")
endif()
add_compile_options(-fsanitize=fuzzer-no-link)
add_custom_target(fuzzers)

function(fuzz_targets floor)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS src/${floor}/*_fuzz.cpp)
  foreach(source IN LISTS sources)
    get_filename_component(program ${source} NAME_WE)
    add_executable(${program} EXCLUDE_FROM_ALL ${source})
    target_link_libraries(${program} PRIVATE ${floor} own_code)
    target_link_options(${program} PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzzers ${program})
  endforeach()
endfunction()
