"""List the phrases that stand alone in a line of a copied page and are no part of the story."""

from __future__ import annotations


def _phrases(listed: str) -> frozenset[str]:
    """Return the phrases of a text in which semicolons separate them."""
    return frozenset(" ".join(phrase.split()) for phrase in listed.split(";"))


FURNITURE = _phrases(
    """
    about sharing; accept all cookies; accept cookies; ad; add a comment; add to bookmarks;
    ads by google; advert; advertisement; advertisements; advertising;
    after newsletter promotion; all rights reserved; article continues after ad;
    article continues after advertisement; article continues below;
    article continues below advertisement; back to top; bbc news; bbc sport; bookmark;
    breaking news; click to copy; click to expand; close; close dialog; close this message;
    comment; commenting; comments; contact us; continue reading; continue reading the main story;
    cookie policy; cookie preferences; cookie settings; copy; copy link; copy this link;
    copy url; download; download the app; e-mail; e-mail to a friend; email; email this;
    email this article; email to a friend; embed; end of advertisement; enlarge; enlarge image;
    enlarge this image; facebook; facebook messenger; file photo; file picture; flipboard;
    follow; follow us; font size; fullscreen; get the app; getty images; gift this article;
    give this article; hide caption; home; image; instagram; jump to comments; leave a comment;
    leave this field blank; like; linkedin; listen; listen to article; listen to this article;
    load more; loading; log in; manage cookies; media playback is not supported on this device;
    media playback is unsupported on your device; menu; messenger; newsletter promotion; next;
    on air; only available for subscribers; originally published by; paid content; pinterest;
    play; play video; post a comment; previous; print; print article; print this article;
    privacy policy; promoted content; read; read comments; read full article; read full story;
    read later; read more; read more read next; read the full article;
    read the full story; recommended reading; reddit; reject all; replay; report this ad; save;
    save article; save story; scroll down; scroll to continue; search; see more; send; share;
    share article; share close; share on; share on facebook; share on linkedin; share on twitter;
    share on whatsapp; share on x; share options; share page; share story; share this;
    share this article; share this page; share this story; share this with; share via email;
    show caption; show more; sign in; sign up; sign up here; site map; sitemap; skip; skip ad;
    skip advertisement; skip past newsletter promotion; skip to content; skip to main content;
    sponsored; sponsored content; story continues; story continues below;
    story continues below advertisement; story highlights; subscribe; subscribe now;
    subscribe today; support us; telegram; terms of use; text size;
    these are external links and will open in a new window; this article is more than 1 year old;
    this is an external link and will open in a new window;
    this page has been archived and is no longer updated; this video can not be played;
    this video cannot be played;
    to play this video you need to enable javascript in your browser; toggle caption; tweet;
    twitter; view comments; view gallery; view image in fullscreen; view more;
    view original tweet on twitter; was this helpful?; watch; watch live; watch now; watch video;
    analysis; article share tools; breaking; copied; get involved; jump to latest; key events;
    key moments; latest updates; link copied; live; live blog; live coverage; live feed;
    live reporting; live updates; load more updates; pinned post; please turn on javascript to
    use this feature; return to top; share this post; show key events only; skip to content;
    skip to main content; skip to next entry; summary; view more on twitter; view more on x;
    whatsapp; your browser does not support the video tag; youtube
    """
)
"""Share bars, prompts, notices and menus; in lower case, without bullets and end marks."""

LIST_MARKS = _phrases(
    """
    all about; around the bbc; around the web; don't miss; editor's picks; elsewhere on the bbc;
    explore more; explore more on these topics; from the web;
    just in; keep reading; latest headlines; latest news; latest stories; more from this author;
    more from this section; more headlines; more in this series; more like this; more news;
    more on this story; more on this topic; more stories;
    more to read; more top stories;
    most most read; most viewed; most watched; must reads; must see; must-reads;
    other stories; popular stories; read also;
    read more about this story; recommended; recommended for you; recommended stories; related;
    related articles; related content; related coverage; related internet links; related links;
    related news; related posts; related reading; related stories; related story; related topics;
    related video; related videos; see also; similar articles; suggested reading; tags;
    top reads; top stories; top story; topics; topics in this story; trending; trending now;
    trending stories; up next; we recommend; what to read next; you may also be interested in;
    you may also like; you might also be interested in; you might also like
    """
)
"""Headings of lists of topics and of other stories, in the same form."""
