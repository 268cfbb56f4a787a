/* SPDX-License-Identifier: Apache-2.0
 *
 * The packed model format, version 1: the only definition of its layout.
 *
 * The runtime reads these structs in place, from flash; the packer fills the very same ones through
 * cffi, which is why this header holds nothing but enums and structs of fixed-width fields.
 * docs/SPEC.md is the normative text.  Little-endian; every offset counts bytes from the start of the file.
 */
#ifndef GROAT_FORMAT_H
#define GROAT_FORMAT_H

#ifndef GROAT_CFFI /* cffi knows these types already */
#include <stdint.h>
#endif

enum {
    GROAT_MAGIC = 0x54524F47,   /* the file starts with the bytes G O R T */
    GROAT_VERSION_MAJOR = 1,    /* a reader refuses any other major version */
    GROAT_VERSION_MINOR = 0,    /* a reader refuses a higher minor version */
    GROAT_ALIGN = 16,           /* of the model, its regions, and every buffer and constant in them */
    GROAT_RANK_MAX = 6,         /* dimensions of a tensor */
    GROAT_NONE = 0xFFFF,        /* "no buffer" */
    GROAT_REGION_FILE = 0,      /* of a buffer that is a constant; regions of memory count from 1 */
    GROAT_REGIONS_MAX = 4,      /* regions of memory of one model */
    GROAT_STREAM_LINES_MAX = 64, /* lines of one stream */
    GROAT_STREAM_WORK_MAX = 1 << 27, /* that it takes to check one stream */
    GROAT_IN_PLACE_KERNEL = 7,  /* rows and columns of a depthwise filter that works in place, */
    GROAT_IN_PLACE_SIDE = 144,  /* and the longest side of an image, times the longest of the filter */
    GROAT_CRC_START = 16,       /* the checksum covers the bytes from here to the end of the file */
    GROAT_POINTER_BYTES = 8     /* scratch reserves this much for a pointer, so that arenas are equal everywhere */
};

enum groat_dtype {
    GROAT_INT8 = 1,
    GROAT_UINT8 = 2,
    GROAT_INT32 = 3,
    GROAT_FLOAT32 = 4,
    GROAT_INT16 = 5,
    GROAT_FLOAT16 = 6
};

/* What becomes of a gradient that an optimizer reads. */
enum groat_gradient_use {
    GROAT_GRADIENT_READ = 0,         /* it stays as it is */
    GROAT_GRADIENT_CLEAR = 1,        /* it becomes 0: others will be added up */
    GROAT_GRADIENT_VELOCITY = 2      /* it is the velocity, which takes the weight decay, too */
};

/* The function of UNARY_FLOAT32. */
enum groat_unary {
    GROAT_UNARY_ABS = 0,
    GROAT_UNARY_NEG = 1,
    GROAT_UNARY_RECIPROCAL = 2,
    GROAT_UNARY_SQRT = 3,
    GROAT_UNARY_EXP = 4,
    GROAT_UNARY_LOG = 5,
    GROAT_UNARY_ERF = 6,
    GROAT_UNARY_LEAKY_RELU = 7,      /* alpha: the slope of negative values */
    GROAT_UNARY_ELU = 8,             /* alpha: minus the limit of negative values */
    GROAT_UNARY_HARD_SIGMOID = 9,    /* alpha x + beta between 0 and 1 */
    GROAT_UNARY_HARD_SWISH = 10,     /* x times that */
    GROAT_UNARY_GELU = 11,
    GROAT_UNARY_GELU_TANH = 12,
    GROAT_UNARY_SWISH = 13,          /* x times the logistic function of alpha x */
    GROAT_UNARY_SOFTPLUS = 14,
    GROAT_UNARY_MISH = 15,
    GROAT_UNARY_COUNT = 16           /* of functions */
};

/* The function of BINARY_FLOAT32. */
enum groat_binary_function {
    GROAT_BINARY_SUB = 0,
    GROAT_BINARY_DIV = 1,
    GROAT_BINARY_MAXIMUM = 2,
    GROAT_BINARY_MINIMUM = 3,
    GROAT_BINARY_COUNT = 4           /* of functions */
};

/* The order in which weights are stored.  A kernel set reads exactly one. */
enum groat_packing {
    GROAT_PACKING_REF = 1,      /* as TFLite stores them */
    GROAT_PACKING_DSP = 2,
    GROAT_PACKING_MVE = 3,
    GROAT_PACKING_RVV = 4,
    GROAT_PACKING_SCALAR = 5    /* for cores without SIMD */
};

/* A table: `count` records from byte `offset` of the file on. */
typedef struct groat_section {
    uint32_t offset;
    uint32_t count;
} groat_section;

typedef struct groat_header {
    uint32_t magic;
    uint16_t version_major;
    uint16_t version_minor;
    uint32_t file_bytes;        /* length of the whole file */
    uint32_t crc32;             /* CRC-32 (IEEE 802.3) of the bytes from GROAT_CRC_START on */
    uint16_t packing;           /* enum groat_packing */
    uint16_t workers;           /* parts into which work that can be split is; 0: it is not */
    groat_section regions;      /* of groat_region */
    groat_section programs;     /* of groat_program */
    groat_section steps;        /* of groat_step */
    groat_section tensors;      /* of groat_tensor */
    groat_section buffers;      /* of groat_buffer */
    groat_section args;         /* of uint16_t: tensor ids */
    groat_section names;        /* of char: zero-terminated strings */
    groat_section streams;      /* of groat_stream; may be empty */
    groat_section lines;        /* of groat_line; may be empty */
    groat_section states;       /* of groat_state; may be empty */
    uint8_t source_hash[8];     /* first bytes of the SHA-256 of the imported model */
} groat_header;

/* Memory that a model needs: its arena, or one of several, each in a memory of its own. */
typedef struct groat_region {
    uint32_t bytes;             /* exactly what groat_open needs there */
    uint32_t name;              /* offset within `names`: of the memory that it was planned for */
} groat_region;

/* A named entry point: the steps [first_step, first_step + step_count). */
typedef struct groat_program {
    char name[12];              /* zero-padded */
    uint16_t first_step;
    uint16_t step_count;        /* at least one */
    uint16_t args;              /* index of its first tensor id in `args`: inputs, then outputs */
    uint16_t inputs;            /* how many */
    uint16_t outputs;           /* how many */
    uint16_t reserved;          /* zero */
} groat_program;

/* One call of one op. */
typedef struct groat_step {
    uint16_t op;                /* enum groat_op_id */
    uint8_t inputs;             /* how many tensors it reads */
    uint8_t outputs;            /* how many it writes */
    uint16_t args;              /* index of its first tensor id in `args`: inputs, then outputs */
    uint16_t scratch;           /* buffer id, or GROAT_NONE */
    uint32_t params;            /* offset of its parameter struct (ops.def) */
    uint32_t params_bytes;      /* length of that struct */
    uint32_t macs;              /* nominal multiply-accumulates, for reports; saturates */
} groat_step;

/* A shaped, typed view of a buffer. */
typedef struct groat_tensor {
    uint16_t buffer;
    uint8_t dtype;              /* enum groat_dtype */
    uint8_t rank;               /* 0 to GROAT_RANK_MAX */
    uint16_t line;              /* how its pixels lie, if a stream writes it; or GROAT_NONE: one behind the other */
    uint16_t reserved;          /* zero */
    uint32_t name;              /* offset within `names`; only inputs and outputs need have one */
    uint32_t dims[6];           /* slowest first; unused ones are 1 */
    float scale;                /* real = scale * (stored - zero_point); 0 when not quantised */
    int32_t zero_point;
} groat_tensor;

/* A stretch of memory and the steps during which it holds something. */
typedef struct groat_buffer {
    uint32_t offset;            /* a multiple of GROAT_ALIGN */
    uint32_t bytes;
    uint16_t first_step;        /* the step that writes it first; for a program's input, the program's first step */
    uint16_t last_step;         /* the last step that reads it, inclusive; for an output, the program's last step */
    uint8_t region;             /* where offset counts from: GROAT_REGION_FILE, or 1 for the first region */
    uint8_t reserved;           /* zero */
    uint16_t over;              /* the buffer at whose place it may lie, as far as its stream has read that one;
                                   or GROAT_NONE */
} groat_buffer;

enum groat_state_kind {
    GROAT_STATE_PARAMETER = 0,  /* trained: what is committed to flash, and read out */
    GROAT_STATE_OPTIMIZER = 1,  /* what else goes from one step of training to the next */
    GROAT_STATE_VARIABLE = 2    /* what a run remembers for the next one of its sequence */
};

/* A tensor that keeps its contents from run to run, whatever program runs.  Their buffers are alive throughout, and lie
 * one behind the other from the start of the first region on, in the order of their kinds, each at the next multiple of
 * GROAT_ALIGN. */
typedef struct groat_state {
    uint16_t tensor;
    uint8_t kind;               /* enum groat_state_kind */
    uint8_t reserved;           /* zero */
    uint32_t initial;           /* offset of its first contents in the file, aligned to GROAT_ALIGN; 0: zeros */
} groat_state;

/* Steps of a program that run together, part by part: each makes a part as soon as another needs it. */
typedef struct groat_stream {
    uint16_t first_step;
    uint16_t step_count;        /* at least one */
    uint16_t first_line;        /* its lines: for each tensor that it writes, or takes row by row as an input */
    uint16_t line_count;
    uint16_t state;             /* buffer of two uint16_t for each line */
    uint16_t reserved;          /* zero */
} groat_stream;

/* Where the pixels of a tensor [1, height, width, channels] lie while its stream runs.  A line has some of the tensor's
 * rows, each of them cut into units of `span` pixels, of which the last may be narrower; unit u of the line lies in slot
 * u % slots. */
typedef struct groat_line {
    uint32_t lead;              /* bytes of the buffer before slot 0 */
    uint32_t pitch; /* bytes from one slot to the next; of units that are no whole rows, those of a unit */
    uint16_t slots; /* 0: the tensor lies whole, as without a line */
    uint16_t step; /* the one that writes it; GROAT_NONE: an input of the program, given row by row */
    uint16_t span; /* pixels of a unit; the width where units are whole rows */
    uint16_t then; /* line of which a unit is made, if it can be, behind each of this one; or GROAT_NONE */
    uint16_t first_row; /* its rows are this one and every `row_step`th from there on */
    uint8_t row_step;
    uint8_t first_tap; /* its reader reads them with `taps` of the rows of its window from this one on */
    uint8_t taps; /* 0: with all, and so may others */
    uint8_t more; /* how many further lines of the same tensor follow */
    int8_t padding; /* what lies around its rows */
    uint8_t kept; /* 1: all of it is wanted, since something reads it after the stream; else 0 */
} groat_line;

/* What one output channel adds and how it is scaled: y = requantize(acc + bias, multiplier, shift). */
typedef struct groat_channel {
    int32_t bias; /* zero points of input and weights already folded in */
    int32_t multiplier; /* Q31, not negative */
    int32_t shift; /* -31 to 30; positive shifts left */
} groat_channel;

/* The same where activations are int16.  With accumulators of 64 bits the multiplier has 15 bits, and y is
 * requantize_wide(acc + bias, multiplier, shift); with those of 32 bits it is as above. */
typedef struct groat_channel_s16 {
    int64_t bias;
    int32_t multiplier; /* not negative; of 64 bits, at most 32767 */
    int32_t shift; /* -31 to 30; of 64 bits, at most 14 */
} groat_channel_s16;

/* How a window slides over an NHWC image.  Padding at the bottom and right follows from the output's size. */
typedef struct groat_window {
    uint16_t batches;
    uint16_t in_h;
    uint16_t in_w;
    uint16_t in_c;
    uint16_t out_h;
    uint16_t out_w;
    uint16_t kernel_h;
    uint16_t kernel_w;
    uint16_t stride_h;
    uint16_t stride_w;
    uint16_t dilation_h;
    uint16_t dilation_w;
    uint16_t pad_top;
    uint16_t pad_left;
} groat_window;

/* x * multiplier * 2^(shift - 31), rounded as everywhere (groat_requantize). */
typedef struct groat_factor {
    int32_t multiplier; /* Q31, not negative */
    int32_t shift; /* -31 to 30; positive shifts left */
} groat_factor;

/* How a recurrent layer goes over sequences: x[steps, batches, inputs] -> y[steps, batches, hidden]. */
typedef struct groat_recurrent {
    uint32_t steps;
    uint32_t batches;
    uint32_t inputs;
    uint32_t hidden;
    uint8_t reverse;            /* 1: from the last step to the first */
    uint8_t batch_major;        /* 1: x[batches, steps, inputs] -> y[batches, steps, hidden] */
    uint8_t initial;            /* 1: further inputs [batches, hidden] are what it starts from; 0: zeros */
    uint8_t final;              /* 1: further outputs, of the same shapes, are what it ends with */
} groat_recurrent;

/* What the updates of a step of training are told: a tensor float32 [GROAT_STEP_VALUES]. */
enum groat_step_value {
    GROAT_STEP_RATE = 0,        /* the learning rate; 0: this step is refused, and changes nothing */
    GROAT_STEP_UNSCALE = 1,     /* what gradients are multiplied by: 1 / the loss scale */
    GROAT_STEP_REFUSED = 2,     /* 1: refused before there were gradients */
    GROAT_STEP_VALUES = 4
};

enum groat_update_mode {
    GROAT_UPDATE_GRADIENT = 0,   /* dw = beta * dw + alpha * gradient; there is no step */
    GROAT_UPDATE_SGD = 1,        /* dw is the parameter: dw -= rate * (unscale * gradient + decay * dw) */
    GROAT_UPDATE_ACCUMULATE = 2  /* dw = beta * dw + alpha * unscale * gradient, unless the step is refused */
};

/* What becomes of the gradients of parameters: (…) -> [dw][, db][, step]. */
typedef struct groat_update {
    float alpha;
    float beta;
    float decay;
    uint8_t mode;               /* enum groat_update_mode */
    uint8_t has_weights;        /* 1: the gradient of the weights is wanted; 0: not, and there is no x */
    uint8_t has_bias;           /* 1: the gradient of the biases is wanted, which is float32 */
    uint8_t reserved;           /* zero */
} groat_update;

/* Images whose channels are normalised in groups. */
typedef struct groat_groups {
    uint32_t batches;
    uint32_t pixels;            /* of one image */
    uint32_t channels;
    uint32_t groups;            /* a divisor of channels */
} groat_groups;

/* Products of matrices: y[batches, rows, columns] is a[rows, depth] times b[depth, columns].  Strides are in elements. */
typedef struct groat_matrices {
    uint32_t batches[3];        /* slowest first */
    uint32_t rows;
    uint32_t depth;
    uint32_t columns;
    uint32_t a_strides[5];      /* of batches, rows and depth */
    uint32_t b_strides[5];      /* of batches, depth and columns */
} groat_matrices;

/* A place between two neighbours: 1024 - weight of place `index`, and weight of the one behind it, or of the last. */
typedef struct groat_between {
    uint16_t index;
    uint16_t weight;            /* at most 1024 */
} groat_between;

/* What one channel of a normalised tensor is: (normal * gamma + beta) / 2^shift, of a common shift. */
typedef struct groat_affine {
    int32_t gamma;
    int32_t beta;
} groat_affine;

/* A normalisation of groups of integers, and what becomes of the result. */
typedef struct groat_group_norm {
    groat_groups sizes;
    uint32_t channels;          /* groat_affine for each channel; all within 24 bits */
    uint32_t epsilon; /* times 2^epsilon_shift: what is added to the square of elements of a group times variance */
    uint8_t epsilon_shift; /* at most 30 */
    uint8_t shift; /* at most 30 */
    int16_t output_zero_point;
    int16_t act_min;
    int16_t act_max;
} groat_group_norm;

/* The parameter structs of all ops and their ids: one row of ops.def each. */
#define GROAT_OP(id, NAME, name, flags, fields) typedef struct groat_##name##_params fields groat_##name##_params;
#include "../../ops/ops.def"
#undef GROAT_OP

enum groat_op_id {
#define GROAT_OP(id, NAME, name, flags, fields) GROAT_OP_##NAME = id,
#include "../../ops/ops.def"
#undef GROAT_OP
    GROAT_OP_LIMIT = 256
};

#endif
