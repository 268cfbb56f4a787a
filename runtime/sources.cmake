# SPDX-License-Identifier: Apache-2.0
# Which files the runtime has and how they are compiled, for all that build it with CMake: CMakeLists.txt (on its own, and
# as a component of ESP-IDF) and zephyr/CMakeLists.txt.  Without project(), so that a script may include it.

# No contraction: a fused multiply-add would round float results differently from core to core.
set(GROAT_COMPILE_OPTIONS -std=c11 -ffreestanding -ffp-contract=off -ffunction-sections -fdata-sections -Wall -Wextra)
set(GROAT_INCLUDE_DIR ${CMAKE_CURRENT_LIST_DIR}/include)

# Into `out`: the files with one kernel set.  Globs, so that an op or a kernel is a new file and nothing else.
function(groat_sources out isa)
    set(here ${CMAKE_CURRENT_FUNCTION_LIST_DIR})
    set(again CONFIGURE_DEPENDS)
    if(CMAKE_SCRIPT_MODE_FILE) # ESP-IDF's first look at its components, where nothing is configured
        set(again)
    endif()
    file(GLOB sources ${again} ${here}/core/*.c ${here}/ops/*.c ${here}/store/*.c ${here}/kernels/ref/*.c)
    if(NOT isa STREQUAL "ref")
        file(GLOB isa_sources ${again} ${here}/kernels/${isa}/*.c)
        if(NOT isa_sources)
            message(FATAL_ERROR "GROAT_ISA is ${isa}; expected ref or a folder of ${here}/kernels")
        endif()
        list(APPEND sources ${isa_sources})
    endif()
    set(${out} ${sources} PARENT_SCOPE)
endfunction()

# Into `out`: what is defined for one kernel set, and for a header of GROAT_USE lines, which may be empty.
function(groat_definitions out isa ops_file)
    set(found)
    if(NOT isa STREQUAL "ref")
        string(TOUPPER ${isa} upper)
        list(APPEND found GROAT_ISA_${upper})
    endif()
    if(ops_file)
        list(APPEND found GROAT_OPS_FILE="${ops_file}")
    endif()
    set(${out} ${found} PARENT_SCOPE)
endfunction()
