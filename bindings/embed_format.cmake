# SPDX-License-Identifier: Apache-2.0
# Runs HEADER through the preprocessor of COMPILER as cffi wants it and writes OUTPUT, a C++ raw string literal.
execute_process(
    COMMAND ${COMPILER} -E -P -std=c11 -DGROAT_CFFI ${HEADER}
    OUTPUT_VARIABLE text
    COMMAND_ERROR_IS_FATAL ANY)
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "R\"cdef(@text@)cdef\"\n" @ONLY)
