from django.contrib import admin
from django.urls import path

from . import views

urlpatterns = [
    path("", views.books, name="books"),
    path("books/<int:id>/", views.book, name="book"),
    path("admin/", admin.site.urls),
]
