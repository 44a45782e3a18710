"""Functions that the modules call, and the words that cannot be their names."""

FUNCTIONS = {
    "positive_part": """\
// max(x, 0), smooth for |x| < w
analog function real positive_part;
    input x, w;
    real x, w;
    begin
        if (abs(x) < w)
            positive_part = (x + w) * (x + w) / (4.0 * w);
        else
            positive_part = max(x, 0.0);
    end
endfunction""",
    "smooth_step": """\
// 0 below zero and 1 from zero on, smooth for |x| < w
analog function real smooth_step;
    input x, w;
    real x, w, u;
    begin
        if (abs(x) < w) begin
            u = (x + w) / (2.0 * w);
            smooth_step = u * u * (3.0 - 2.0 * u);
        end else if (x >= 0.0)
            smooth_step = 1.0;
        else
            smooth_step = 0.0;
    end
endfunction""",
    "positive_power": """\
// x to the power of a, 0 where x is not positive
analog function real positive_power;
    input x, a;
    real x, a;
    begin
        if (x > 0.0)
            positive_power = exp(a * ln(x));
        else
            positive_power = 0.0;
    end
endfunction""",
    "exp_minus_one": """\
// exp(x) - 1 without the loss of digits at small x
analog function real exp_minus_one;
    input x;
    real x;
    begin
        if (abs(x) < 1.0)
            exp_minus_one = 2.0 * exp(x / 2.0) * sinh(x / 2.0);
        else
            exp_minus_one = exp(x) - 1.0;
    end
endfunction""",
    "slowed": """\
// 1 - exp(-distance / w), 1 at w = 0
analog function real slowed;
    input distance, w;
    real distance, w, z;
    begin
        if (w > 0.0) begin
            z = distance / w;
            if (z < 1.0)
                slowed = 2.0 * exp(-z / 2.0) * sinh(z / 2.0);
            else
                slowed = 1.0 - exp(-z);
        end else
            slowed = 1.0;
    end
endfunction""",
}

# Verilog-AMS LRM 2.4, annex B, then what disciplines.vams declares.
_WORDS = """
above abs absdelay absdelta abstol access acos acosh ac_stim aliasparam always analog analysis and asin asinh assert
assign atan atan2 atanh automatic begin branch buf bufif0 bufif1 case casex casez ceil cell cmos config connect
connectmodule connectrules continuous cos cosh cross ddt ddt_nature ddx deassign default defparam design disable
discipline discrete domain driver_update edge else end endcase endconfig endconnectrules enddiscipline endfunction
endgenerate endmodule endnature endparamset endprimitive endspecify endtable endtask event exclude exp
final_step flicker_noise floor flow for force forever fork from function generate genvar ground highz0 highz1 hypot idt
idt_nature idtmod if ifnone incdir include inf infinite initial initial_step inout input instance integer join
laplace_nd laplace_np laplace_zd laplace_zp large last_crossing liblist library limexp ln localparam log macromodule
max medium merged min module nand nature negedge net_resolution nmos noise_table noise_table_log nor
noshowcancelled not notif0 notif1 or output parameter paramset pmos posedge potential pow primitive pull0 pull1
pulldown pullup pulsestyle_onevent pulsestyle_ondetect rcmos real realtime reg release repeat resolveto rnmos rpmos
rtran rtranif0 rtranif1 scalared sin showcancelled signed sinh slew small specify specparam split sqrt string strong0
strong1 supply0 supply1 table tan tanh task time timer tran tranif0 tranif1 transition tri tri0 tri1 triand trior
trireg units unsigned use uwire vectored wait wand weak0 weak1 while white_noise wire wor wreal xnor xor zi_nd zi_np
zi_zd zi_zp
electrical voltage current magnetic thermal kinematic kinematic_v rotational rotational_omega logic ddiscrete
"""

RESERVED = frozenset(_WORDS.split())
