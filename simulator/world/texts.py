"""Short ticket texts in English and Chinese, composed of phrases that fit issue and class.

Until it is written, a text is a number for language, issue, class and phrases. Texts contain no
personal data.
"""

import numpy as np

from features.contracts.vocabulary import ISSUES, TICKET_CLASSES
from simulator.world.draws import Array
from simulator.world.regions import LANGUAGES

_ISSUES: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "billing": (
            "My bill is much higher than last month.",
            "I was charged for something I never ordered.",
            "There is a fee on my invoice that nobody can explain.",
            "The discount I was promised is not on the bill.",
            "I paid on time and still got a reminder.",
        ),
        "network": (
            "Calls keep dropping at home.",
            "No signal since yesterday in our street.",
            "Mobile data is crawling every evening.",
            "The connection cuts out several times a day.",
            "I can't make calls indoors any more.",
        ),
        "technical": (
            "The router restarts by itself.",
            "Broadband is down again.",
            "Speed is nowhere near what I pay for.",
            "The TV box freezes on every channel.",
            "Wifi drops whenever someone is on a video call.",
        ),
        "plan": (
            "I would like a plan that fits how little I use.",
            "My data is gone after two weeks, what else is there?",
            "New customers get a better price than I do.",
            "I want to know what happens when my promotion ends.",
        ),
        "cancellation": (
            "I want to know how to cancel.",
            "What would it cost me to leave now?",
            "I am thinking of switching to another provider.",
            "Please confirm the end date of my contract.",
        ),
        "device": (
            "The phone I got from you keeps overheating.",
            "My SIM is not recognised after the update.",
            "The new handset arrived damaged.",
            "5G does not work on my phone.",
        ),
        "order": (
            "My order has not arrived.",
            "The technician did not turn up.",
            "Installation has been moved for the third time.",
            "I got a confirmation but nothing happened since.",
        ),
        "other": (
            "I need to change my address.",
            "The app logs me out all the time.",
            "I have a question about my account.",
            "I want to update how I am contacted.",
        ),
    },
    "zh-Hans": {
        "billing": (
            "这个月的账单比上个月贵了很多。",
            "账单里有一项我没订过的费用。",
            "有一笔扣费没人说得清楚。",
            "答应给我的优惠账单上没有。",
            "已经按时缴费了，还是收到催缴短信。",
        ),
        "network": (
            "在家打电话老是断线。",
            "从昨天开始小区里就没信号。",
            "一到晚上手机上网特别慢。",
            "网络一天要断好几次。",
            "室内根本打不了电话。",
        ),
        "technical": (
            "路由器老是自己重启。",
            "宽带又断了。",
            "网速跟办的套餐差太多。",
            "电视盒子每个频道都卡。",
            "一有人开视频会议，无线网就掉线。",
        ),
        "plan": (
            "我用得不多，想换个便宜点的套餐。",
            "流量半个月就用完了，有没有更合适的套餐？",
            "新用户的价格比我这老用户还便宜。",
            "想问一下优惠到期以后怎么收费。",
        ),
        "cancellation": (
            "请问怎么办理销户？",
            "现在退网要付多少违约金？",
            "我在考虑转到别家。",
            "请帮我确认合约到期时间。",
        ),
        "device": (
            "合约机用一会儿就发烫。",
            "系统更新后识别不了SIM卡。",
            "新手机送到时屏幕是坏的。",
            "我的手机用不了5G。",
        ),
        "order": (
            "订单到现在还没送到。",
            "约好的师傅没有上门。",
            "装机时间已经改了三次了。",
            "收到确认短信以后就没下文了。",
        ),
        "other": (
            "我想改一下地址。",
            "APP总是自动退出登录。",
            "想咨询一下账户的问题。",
            "想更改联系方式。",
        ),
    },
    "zh-Hant": {
        "billing": (
            "今期賬單比上個月貴好多。",
            "帳單上有一筆我沒有申請的費用。",
            "有一項收費沒有人能解釋。",
            "說好的優惠帳單上沒有扣。",
            "明明準時繳費，還是收到催繳通知。",
        ),
        "network": (
            "在家裡講電話一直斷線。",
            "從昨天開始這一帶都沒有訊號。",
            "每到晚上手機上網就很慢。",
            "網路一天斷好幾次。",
            "室內完全打不通電話。",
        ),
        "technical": (
            "路由器常常自己重新開機。",
            "寬頻又斷線了。",
            "網速跟申辦的方案差很多。",
            "機上盒每一台都會停格。",
            "有人開視訊會議時Wi-Fi就會斷。",
        ),
        "plan": (
            "我用量不多，想換便宜一點的方案。",
            "數據兩個星期就用完，有沒有更合適的計劃？",
            "新客戶的價錢比我這個舊客戶還便宜。",
            "想請問優惠到期之後怎麼收費。",
        ),
        "cancellation": (
            "請問要怎麼辦理退租？",
            "現在解約要付多少違約金？",
            "我在考慮攜碼到別家。",
            "請幫我確認合約到期日。",
        ),
        "device": (
            "綁約手機用一下就發燙。",
            "更新之後讀不到SIM卡。",
            "新手機送到時螢幕已經壞了。",
            "我的手機收不到5G。",
        ),
        "order": (
            "訂單到現在還沒送到。",
            "約好的師傅沒有來。",
            "安裝日期已經改了三次。",
            "收到確認訊息之後就沒有下文。",
        ),
        "other": (
            "我想更改地址。",
            "APP一直自動登出。",
            "想詢問帳戶的問題。",
            "想更改聯絡方式。",
        ),
    },
}

_CLASSES: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "attitude": (
            "The agent was rude and cut me short.",
            "I was talked down to.",
            "Nobody seemed to care.",
            "The person on the phone hung up on me.",
        ),
        "efficiency": (
            "I waited forever to get through.",
            "This is the third time I am reporting it.",
            "I was passed from one desk to the next.",
            "It has been days without an answer.",
        ),
        "quality": (
            "This is not the service I pay for.",
            "It has been like this for days.",
            "I work from home and can't go on like this.",
            "It used to be fine.",
        ),
        "price": (
            "It is simply too expensive now.",
            "I expect the difference back.",
            "Others charge far less for the same.",
            "This was not made clear when I signed up.",
        ),
        "other": ("Please look into it.", "Could someone get back to me?", "", "That is all."),
    },
    "zh-Hans": {
        "attitude": (
            "客服态度很差，话没说完就打断我。",
            "客服说话很不耐烦。",
            "感觉根本没人在意。",
            "电话里直接把我挂了。",
        ),
        "efficiency": (
            "打电话等了半天才接通。",
            "这已经是第三次反映了。",
            "几个部门推来推去。",
            "好几天了都没有回复。",
        ),
        "quality": (
            "花了钱就是这种质量吗？",
            "已经好几天这样了。",
            "我在家办公，实在没法用。",
            "以前都好好的。",
        ),
        "price": (
            "现在的价格实在太贵了。",
            "多收的钱请退给我。",
            "别家同样的套餐便宜多了。",
            "办理的时候根本没说清楚。",
        ),
        "other": ("麻烦查一下。", "请尽快回复。", "", "谢谢。"),
    },
    "zh-Hant": {
        "attitude": (
            "客服態度很差，話沒講完就打斷我。",
            "客服講話很不耐煩。",
            "感覺根本沒有人在意。",
            "電話講到一半就被掛斷。",
        ),
        "efficiency": (
            "電話等了很久才有人接。",
            "這已經是第三次反映了。",
            "幾個部門互相推來推去。",
            "等了好幾天都沒有回覆。",
        ),
        "quality": (
            "付了錢卻是這種品質？",
            "已經連續好幾天這樣了。",
            "我在家工作，真的沒辦法用。",
            "以前都好好的。",
        ),
        "price": (
            "現在的價錢實在太貴。",
            "多收的錢請退還給我。",
            "別家同樣的方案便宜很多。",
            "申辦的時候根本沒有講清楚。",
        ),
        "other": ("麻煩查一下。", "請盡快回覆。", "", "謝謝。"),
    },
}

_OPENINGS = {
    "en": ("", "", "Hello, ", "Hi. ", "Good morning. ", "Dear team, "),
    "zh-Hans": ("", "", "你好，", "您好，", "请问一下，", "客服你好，"),
    "zh-Hant": ("", "", "你好，", "您好，", "請問一下，", "客服您好，"),
}
_CLOSINGS = {
    "en": (
        "",
        "",
        " Please fix this.",
        " Thanks.",
        " Waiting for your reply",
        " !!",
        " I am really disappointed.",
    ),
    "zh-Hans": ("", "", "请尽快处理！", "谢谢", "等回复。", "！！", "太让人失望了。"),
    "zh-Hant": ("", "", "請盡快處理！", "謝謝", "等候回覆。", "！！", "真的很失望。"),
}
_TYPOS = {
    "en": (
        ("charged", "chraged"),
        ("because", "becuase"),
        ("signal", "signl"),
        ("received", "recieved"),
        ("the ", "teh "),
    ),
    "zh-Hans": (("账单", "帐单"), ("的", "得"), ("。", " "), ("再", "在")),
    "zh-Hant": (("的", "得"), ("。", " "), ("再", "在"), ("帳單", "賬單")),
}
_SEEDS = 1 << 30


def encode(language: Array, issue: Array, ticket_class: Array, draw: Array) -> Array:
    """Make the number of a text.

    Parameters
    ----------
    language, issue, ticket_class : array of int
        Indices of `LANGUAGES`, and of the contract's issues and ticket classes.
    draw : array of float
        Numbers in (0, 1): which phrases.
    """
    seed = np.floor(draw * _SEEDS).astype(np.int64)
    code: Array = ((seed * len(ISSUES) + issue) * len(TICKET_CLASSES) + ticket_class) * len(
        LANGUAGES
    ) + language
    return code


def compose(code: int) -> str:
    """Put a text together.

    Parameters
    ----------
    code : int
        What `encode` gave.
    """
    code, language_place = divmod(code, len(LANGUAGES))
    code, class_place = divmod(code, len(TICKET_CLASSES))
    seed, issue_place = divmod(code, len(ISSUES))
    language, issue, ticket_class = (
        LANGUAGES[language_place],
        ISSUES[issue_place],
        TICKET_CLASSES[class_place],
    )

    def choose(phrases: tuple[str, ...]) -> str:
        nonlocal seed
        seed, place = divmod(seed, len(phrases))
        return phrases[place]

    first, second = choose(_ISSUES[language][issue]), choose(_CLASSES[language][ticket_class])
    opening, closing = choose(_OPENINGS[language]), choose(_CLOSINGS[language])
    space = " " if language == "en" and second else ""
    text = f"{opening}{first}{space}{second}{closing}"
    if seed % 9 == 0:
        text = text.replace(*_TYPOS[language][seed % len(_TYPOS[language])])
    if seed % 11 == 1 and language == "en":
        text = text.lower()
    return text.strip()
